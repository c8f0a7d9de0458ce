module github.com/zabtree/zabtree/internal/bench

go 1.26.0

replace github.com/zabtree/zabtree => ../..
