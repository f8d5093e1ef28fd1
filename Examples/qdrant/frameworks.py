#!/usr/bin/env python3
"""LangChain's, LlamaIndex's and the MCP server's Qdrant stores against minilm, as their users call them.

    pip install langchain-qdrant llama-index-vector-stores-qdrant mcp-server-qdrant
    minilm serve &
    python Examples/qdrant/frameworks.py http://127.0.0.1:6333

Each makes a collection, fills it, searches it by meaning, by words and by both, filters and deletes. Ends with status 1 when an answer
is not what was asked for. The vectors are sums of one random direction a word: what is looked for shares words with the query.
"""
import asyncio
import hashlib
import random
import sys

TEXTS = {
    "lighthouse": "the lighthouse of Faro guides ships into the lagoon at night",
    "bakery": "the bakery sells almond cakes and bread before sunrise",
    "harbour": "fishing ships return to the harbour with sardines",
    "library": "the library lends maps of the lagoon and its islands",
}
SIZE = 64


def dense(text):
    total = [0.0] * SIZE
    for word in text.lower().split():
        dice = random.Random(word)
        total = [t + dice.gauss(0, 1) for t in total]
    return total


def sparse(text):
    words = sorted({int(hashlib.sha256(w.encode()).hexdigest()[:7], 16) for w in text.lower().split()})
    return words, [1.0] * len(words)


def fresh(client, name):
    if client.collection_exists(name):
        client.delete_collection(name)


def langchain(url):
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_qdrant import QdrantVectorStore, RetrievalMode
    from langchain_qdrant.sparse_embeddings import SparseEmbeddings, SparseVector
    from qdrant_client import QdrantClient, models

    class Dense(Embeddings):
        def embed_documents(self, texts):
            return [dense(t) for t in texts]

        def embed_query(self, text):
            return dense(text)

    class Sparse(SparseEmbeddings):
        def embed_documents(self, texts):
            return [self.embed_query(t) for t in texts]

        def embed_query(self, text):
            indices, values = sparse(text)
            return SparseVector(indices=indices, values=values)

    client = QdrantClient(url)
    for mode in RetrievalMode:
        fresh(client, "langchain")
        documents = [Document(page_content=t, metadata={"name": n, "length": len(t)}) for n, t in TEXTS.items()]
        store = QdrantVectorStore.from_documents(
            documents, Dense(), sparse_embedding=Sparse(), retrieval_mode=mode, url=url, collection_name="langchain")
        assert store.similarity_search("almond cakes", k=1)[0].metadata["name"] == "bakery", mode
        only = models.Filter(must=[models.FieldCondition(key="metadata.name", match=models.MatchValue(value="library"))])
        found = store.similarity_search_with_score("the lagoon", k=3, filter=only)
        assert [d.metadata["name"] for d, _ in found] == ["library"], found
        if mode == RetrievalMode.DENSE:
            diverse = store.max_marginal_relevance_search("ships in the lagoon", k=2, fetch_k=4)
            assert len({d.metadata["name"] for d in diverse}) == 2
            existing = QdrantVectorStore.from_existing_collection(embedding=Dense(), url=url, collection_name="langchain")
            assert existing.similarity_search("sardines", k=1)[0].metadata["name"] == "harbour"
        ids = store.add_texts(["a windmill grinds corn"], metadatas=[{"name": "mill"}])
        assert store.get_by_ids(ids)[0].metadata["name"] == "mill"
        assert store.delete(ids) and store.get_by_ids(ids) == []
        print(f"LangChain: {mode.value}")
    client.delete_collection("langchain")


def llama_index(url):
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
    from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters, VectorStoreQuery
    from llama_index.core.vector_stores.types import VectorStoreQueryMode
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    client = QdrantClient(url)
    for hybrid in (False, True):
        fresh(client, "llama")

        def many(texts):
            pairs = [sparse(t) for t in texts]
            return [p[0] for p in pairs], [p[1] for p in pairs]

        words = {"enable_hybrid": True, "sparse_doc_fn": many, "sparse_query_fn": many} if hybrid else {}
        store = QdrantVectorStore("llama", client=client, **words)
        nodes = [
            TextNode(
                text=text, embedding=dense(text), metadata={"name": name, "length": len(text)},
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc-" + name)})
            for name, text in TEXTS.items()]
        assert len(store.add(nodes)) == 4
        mode = VectorStoreQueryMode.HYBRID if hybrid else VectorStoreQueryMode.DEFAULT
        def ask(text, filters=None):
            return [n.metadata["name"] for n in store.query(VectorStoreQuery(
                query_embedding=dense(text), query_str=text, similarity_top_k=2, sparse_top_k=2, hybrid_top_k=2, mode=mode,
                filters=filters)).nodes]

        assert ask("almond cakes")[0] == "bakery"
        long = MetadataFilters(filters=[MetadataFilter(key="length", operator=FilterOperator.GT, value=len(TEXTS["bakery"]))])
        assert "bakery" not in ask("almond cakes", long)
        named = MetadataFilters(filters=[MetadataFilter(key="name", operator=FilterOperator.IN, value=["library", "harbour"])])
        assert set(ask("the lagoon", named)) <= {"library", "harbour"}
        store.delete("doc-bakery")
        assert "bakery" not in ask("almond cakes") and client.count("llama").count == 3
        print(f"LlamaIndex: {mode.value}")
    client.delete_collection("llama")


def mcp(url):
    from mcp_server_qdrant.embeddings.base import EmbeddingProvider
    from mcp_server_qdrant.qdrant import Entry, QdrantConnector
    from qdrant_client import QdrantClient

    class Words(EmbeddingProvider):
        async def embed_documents(self, documents):
            return [dense(d) for d in documents]

        async def embed_query(self, query):
            return dense(query)

        def get_vector_name(self):
            return "words"

        def get_vector_size(self):
            return SIZE

    async def session():
        connector = QdrantConnector(url, None, "mcp", Words())
        for name, text in TEXTS.items():
            await connector.store(Entry(content=text, metadata={"name": name}))
        found = await connector.search("almond cakes", limit=2)
        assert found[0].metadata["name"] == "bakery", found
        assert await connector.get_collection_names() and "mcp" in await connector.get_collection_names()

    client = QdrantClient(url)
    fresh(client, "mcp")
    asyncio.run(session())
    client.delete_collection("mcp")
    print("mcp-server-qdrant: store and find")


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6333"
    for session in (langchain, llama_index, mcp):
        session(address)
