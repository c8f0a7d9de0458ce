//go:build !unix && !windows

package disk

func syncDir(string) error { return nil }

func isNoSpace(error) bool { return false }
