// Peer of the interop lane: two verifiers that nobody here wrote judge our transparency log proofs.
//
// Reads JSON lines {"vkey", "policy", "entry" (base64), "proof"} and answers each with {"torchwood": "ok" or the error,
// "sumdb": "ok" or the error}.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Vkey   string `json:"vkey"`
	Policy string `json:"policy"`
	Entry  []byte `json:"entry"`
	Proof  string `json:"proof"`
}

func verdict(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func byTorchwood(q question) error {
	policy, err := torchwood.ParsePolicy([]byte(q.Policy))
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	return torchwood.VerifyProof(policy, tlog.RecordHash(q.Entry), []byte(q.Proof))
}

// bySumdb takes the proof apart by hand and uses only the oldest independent implementation.
func bySumdb(q question) error {
	head, signed, found := strings.Cut(q.Proof, "\n\n")
	if !found {
		return errors.New("no blank line")
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("no header")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return errors.New("bad hash line")
		}
		proof = append(proof, tlog.Hash(hash))
	}
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, checkpoint.N, checkpoint.Hash, index, tlog.RecordHash(q.Entry))
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 1<<20), 1<<24)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		var q question
		if err := json.Unmarshal(input.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		answer := map[string]string{"torchwood": verdict(byTorchwood(q)), "sumdb": verdict(bySumdb(q))}
		if err := output.Encode(answer); err != nil {
			os.Exit(2)
		}
	}
}
