// Package crashpoint crashes a replica's storage before every operation of its disk,
// and the recovery from that before every operation of it too, and requires that
// nothing is lost that was acknowledged as durable.
//
// A script of what storages of replicas go through is made from a seed (script.go,
// steps.go) and carried out by the product's own parts, as package sim does:
// internal/dirstore over a disk.Mem, driver.Recover, driver.Worker, driver.WritePlan
// and driver.WriteSnapshot. Beside it goes a [model] of what is durable and of the one
// step that is under way.
//
// # A crash
//
// Before each operation of the disk the machine stops, and each of the images of
// image.go is what is found: seven of a loss of power, and the death of the process
// alone, after which what was not synced is still to be seen and can still be lost. A
// replica recovers from it (life.go) and must find:
//
//   - hard state, base, latest snapshot, every entry to the byte, and the state that
//     all of it adds up to, as they were before the step that was under way or as after
//     it, nothing in between; and package audit must come to the same, by its own rules;
//   - both snapshots readable, and no damage, and none replaced by an older one;
//   - of a snapshot that is being received, at least the whole chunks of package
//     snapshot that were acknowledged: the last one, when not full, is written again
//     where it is, and may be received again.
//
// Then it must be able to go on: to write, lose power, and find that; to end what it
// was receiving; to close, lose power and open again (onward.go).
//
// # A crash in recovery
//
// Recovery from every disk of those is done once more, and stopped before each
// operation that follows a change, with the same images. Another recovery must come to
// what the first came to. A process that died may have left what is not durable, which
// may still be lost then, as a whole, until recovery is over: what a replica has
// recovered it may tell others of. So that is a crash point as well.
//
// # Equal disks
//
// Many images are the same disk, byte for byte. What a recovery comes to depends on
// the disk alone (also what it draws at random), so it is done once for each that
// differs, and held against every crash that leaves it. A crash before an operation that
// nothing has changed since the last one is that one.
//
// There are no goroutines, no clock, and no chance but the seed's. A violation names
// its [Point], which [Config].At runs alone.
package crashpoint
