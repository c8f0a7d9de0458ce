module github.com/zabtree/zabtree/internal/bench

go 1.26.0

require github.com/zabtree/zabtree v0.0.0

require (
	github.com/google/btree v1.1.3 // indirect
	github.com/hashicorp/go-msgpack/v2 v2.1.5 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

replace github.com/zabtree/zabtree => ../..
