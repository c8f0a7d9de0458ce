package watch

import "strings"

// parentOf returns the path of the znode above path, and "" for the root.
func parentOf(path string) string {
	switch i := strings.LastIndexByte(path, '/'); {
	case i > 0:
		return path[:i]
	case i == 0 && len(path) > 1:
		return "/"
	}
	return ""
}

// validPath says whether path has the form of a path: absolute, no empty name,
// no slash at its end. Which characters names may have is for the tree to say;
// a watch on a name that cannot be only never fires.
func validPath[S string | []byte](path S) bool {
	if len(path) == 0 || len(path) > MaxPath || path[0] != '/' {
		return false
	}
	if len(path) == 1 {
		return true
	}
	for i := 1; i < len(path); i++ {
		if path[i] == 0 || path[i] == '/' && path[i-1] == '/' {
			return false
		}
	}
	return path[len(path)-1] != '/'
}
