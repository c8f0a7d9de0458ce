// Package zab replicates a state machine by ZAB.
package zab
