// Command peers checks a log of Meterseal with implementations that are not ours: the archive with
// go-car, the tree and its proofs with golang.org/x/mod/sumdb/tlog, the checkpoints with sumdb/note.
//
// Usage: peers LEDGER.car CLAIMS.json
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// claims are what our software says of the log.
type claims struct {
	// Key is the log's verifier key (C2SP signed-note).
	Key string
	// Inclusion proofs and consistency proofs, hashes from the leaf up.
	Inclusion   []proof
	Consistency []proof
}

type proof struct {
	// Index of the leaf, or size of the earlier tree.
	From int64
	// Size of the tree.
	Size int64
	Path []tlog.Hash
}

// tree keeps the hashes of a log in memory, in tlog's own layout.
type tree struct {
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = t.hashes[index]
	}
	return found, nil
}

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: peers LEDGER.car CLAIMS.json"))
	}
	found, err := readLedger(os.Args[1])
	if err != nil {
		fail(fmt.Errorf("archive: %w", err))
	}
	var said claims
	text, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if err == nil {
		err = check(found, said)
	}
	if err != nil {
		fail(err)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]int{
		"blocks":      found.blocks,
		"leaves":      len(found.leaves),
		"vertices":    found.vertices,
		"checkpoints": len(found.checkpoints),
		"inclusion":   len(said.Inclusion),
		"consistency": len(said.Consistency),
	})
}

func check(found *ledger, said claims) error {
	log := &tree{}
	for i, leaf := range found.leaves {
		hashes, err := tlog.StoredHashes(int64(i), leaf, log)
		if err != nil {
			return err
		}
		log.hashes = append(log.hashes, hashes...)
	}
	if err := checkNotes(found, said.Key, log); err != nil {
		return err
	}
	for _, p := range said.Inclusion {
		root, err := tlog.TreeHash(p.Size, log)
		if err != nil {
			return err
		}
		if p.From >= int64(len(found.leaves)) {
			return fmt.Errorf("no leaf %d", p.From)
		}
		leaf := tlog.RecordHash(found.leaves[p.From])
		if err := tlog.CheckRecord(p.Path, p.Size, root, p.From, leaf); err != nil {
			return fmt.Errorf("inclusion of leaf %d in %d: %w", p.From, p.Size, err)
		}
	}
	for _, p := range said.Consistency {
		root, err := tlog.TreeHash(p.Size, log)
		if err != nil {
			return err
		}
		before, err := tlog.TreeHash(p.From, log)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(p.Path, p.Size, root, p.From, before); err != nil {
			return fmt.Errorf("consistency from %d to %d: %w", p.From, p.Size, err)
		}
	}
	return nil
}

// checkNotes opens every checkpoint with the log's key and compares it with the tree.
func checkNotes(found *ledger, key string, log *tree) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	for _, checkpoint := range found.checkpoints {
		signed, err := note.Open([]byte(checkpoint.note), note.VerifierList(verifier))
		if err != nil {
			return fmt.Errorf("checkpoint %d: %w", checkpoint.size, err)
		}
		var origin, root string
		var size int64
		if _, err := fmt.Sscanf(signed.Text, "%s\n%d\n%s\n", &origin, &size, &root); err != nil {
			return fmt.Errorf("checkpoint %d: %w", checkpoint.size, err)
		}
		stated, err := tlog.ParseHash(root)
		if err != nil {
			return err
		}
		if size != checkpoint.size || size > int64(len(found.leaves)) || origin != verifier.Name() {
			return fmt.Errorf("checkpoint %d states size %d of %s", checkpoint.size, size, origin)
		}
		computed, err := tlog.TreeHash(size, log)
		if err != nil {
			return err
		}
		if computed != stated {
			return fmt.Errorf("checkpoint %d: its root is not that of the leaves", size)
		}
	}
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
