package zoocfg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// files are what Load may open.
type files map[string]string

func (f files) open(path string) (io.ReadCloser, error) {
	content, ok := f[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

const (
	alone    = "dataDir=/data\nclientPort=2181\n"
	limits   = alone + "initLimit=5\nsyncLimit=2\n"
	three    = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n"
	ensemble = limits + three // three's lines are 5 to 7
)

// load reads a zoo.cfg in the directory /conf, with a myid unless it is empty.
func load(cfg, myid, flags string) (*Config, error) {
	f := files{"/conf/zoo.cfg": cfg}
	if myid != "" {
		f["/data/myid"] = myid
	}
	return Load(Source{Path: "/conf/zoo.cfg", Open: f.open, Flags: flags})
}

// problems lists what an error is made of, as file:line key: kind.
func problems(t *testing.T, err error) []string {
	t.Helper()
	var list []string
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	if single := (*Error)(nil); errors.As(err, &single) && error(single) == err {
		return []string{problem(single)}
	}
	for _, err := range joined.Unwrap() {
		e, ok := err.(*Error)
		require.True(t, ok, "%T: %v", err, err)
		require.ErrorIs(t, err, e.Kind)
		require.NotEmpty(t, e.Error())
		list = append(list, problem(e))
	}
	return list
}

func problem(e *Error) string {
	return strings.TrimPrefix(fmt.Sprintf("%s:%d %s: %v", e.File, e.Line, e.Key, e.Kind), "/conf/zoo.cfg:")
}

// found lists findings, as file:line key: kind.
func found(findings []Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, strings.TrimPrefix(fmt.Sprintf("%s:%d %s: %v", f.File, f.Line, f.Key, f.Kind), "/conf/zoo.cfg:"))
	}
	return list
}
