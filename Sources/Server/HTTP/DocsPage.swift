enum DocsPage { static let html = ""; static let contentSecurityPolicy = "default-src 'self'" }
