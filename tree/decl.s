// The bodies of the functions declared without one follow.
