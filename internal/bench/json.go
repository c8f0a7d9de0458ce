package main

import (
	"encoding/json"
	"io"
)

func writeJSON(w io.Writer, workload string, m machine, result report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(struct {
		Workload string  `json:"workload"`
		Machine  machine `json:"machine"`
		Result   report  `json:"result"`
	}{workload, m, result})
}
