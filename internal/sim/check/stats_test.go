package check

import "reflect"

// counts returns all figures by name.
func (s *Stats) counts() map[string]int {
	all := map[string]int{}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		all[v.Type().Field(i).Name] = int(v.Field(i).Int())
	}
	return all
}

func (s *Stats) add(o *Stats) {
	v, w := reflect.ValueOf(s).Elem(), reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(v.Field(i).Int() + w.Field(i).Int())
	}
}
