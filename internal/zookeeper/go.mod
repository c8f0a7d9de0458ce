module github.com/zabtree/zabtree/internal/zookeeper

go 1.26.0

replace github.com/zabtree/zabtree => ../..

require github.com/go-zookeeper/zk v1.0.4
