// Text to unit vectors: all-MiniLM-L6-v2 and every BERT encoder built like it, with no dependency but a BLAS beside its own kernels.
//
//     import MiniLM
//
//     let encoder = try SentenceEncoder(modelDirectory: "weights/all-MiniLM-L6-v2")
//     let embeddings = try encoder.encode(["The lamp is lit.", "A lâmpada está acesa."])
//     let similarity = zip(embeddings[0], embeddings[1]).reduce(0) { $0 + $1.0 * $1.1 }
//
// The files, from the outside in:
//
//   SentenceEncoder        what users call: texts in, Embeddings out; tokenises, plans slices, runs them on its workers
//   Embeddings             the result: vectors, and for each text how many tokens were read and cut
//   ModelError             why a model does not load, why a text is not encoded
//
//   WordPieceTokenizer     text to ids; WordPieceVocabulary is its trie, ScalarTable and UnicodeTables its normaliser, Word what it gathers
//   VocabularyReader       the vocabulary within tokenizer.json, where there is no vocab.txt
//   WordPieceConfiguration what the model directory says about its tokenizer
//   Tokenization           ids and where in the text each comes from
//
//   BertModel              the forward pass, to be read downward beside the paper (Devlin et al. 2019)
//   EncoderConfiguration   what the model directory says: sizes, pooling, limits
//   EncoderWeights         the parameters, read-only and shared
//   EncoderScratch         the memory of a pass: what threads share, what each has to itself
//   PackedSequences        a slice's ids one behind the other; SlicePlan decides which texts share a slice
//   WorkerPool             the threads that compute, and callers that do; Bell is how a thread sleeps and is woken
//   Share                  a thread's part of a slice it computes with others; SpinBarrier is how they wait for each other
//   Locked                 a value that threads read and change
//   Processor              whether this processor has what the build uses
//   StageClock             where the time goes, when somebody asks; EncodingProfile asks
//   Ceilings               how fast this machine could multiply and read at most, for the benchmark
//
//   GEMM                   the one seam where matrices are multiplied: BLAS, PackedLinear (f32), FixedPointLinear (i16), ByteLinear (i8)
//   Tiles                  the inner kernels: a tile of the result in registers, for three register files
//   Kernels                LayerNorm, GELU, attention, pooling: formula and shapes above each
//   ElementaryFunctions    exp and erfc for sixteen floats at a time
//
//   SafetensorsFile        weights on disk, checked before anything is believed; MappedFile maps it, JSONFile reads the small ones
//   Tensor                 floats with a shape, mapped or owned; HalfTensor has 16 bits each, widened where they are read; AlignedBuffer is what kernels read and write
