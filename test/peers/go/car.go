package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-car"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/datamodel"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
)

// ledger is what an archive holds, as far as a reader needs it that knows no messages of ours.
type ledger struct {
	blocks      int
	leaves      [][]byte // leaf data of the log, in order
	vertices    int
	checkpoints []checkpoint
}

type checkpoint struct {
	size int64
	note string
}

// readLedger reads an archive with go-car, which holds each block against its name.
func readLedger(path string) (*ledger, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := car.NewCarReader(file)
	if err != nil {
		return nil, err
	}
	if len(reader.Header.Roots) != 1 {
		return nil, errors.New("not one root")
	}
	blocks := map[cid.Cid][]byte{}
	for {
		block, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		blocks[block.Cid()] = block.RawData()
	}
	found := &ledger{blocks: len(blocks)}
	root, err := nodeOf(blocks, reader.Header.Roots[0])
	if err != nil {
		return nil, err
	}
	err = eachItem(blocks, root, "entries", found.takeEntry)
	if err == nil {
		err = eachItem(blocks, root, "checkpoints", found.takeCheckpoint)
	}
	return found, err
}

func (l *ledger) takeEntry(blocks map[cid.Cid][]byte, entry datamodel.Node) error {
	time, err := integerOf(entry, "time")
	if err != nil {
		return err
	}
	message, err := linkOf(entry, "message")
	if err != nil {
		return err
	}
	item, known := blocks[message]
	if !known {
		return fmt.Errorf("no block %s", message)
	}
	if header, err := linkOf(entry, "vertex"); err == nil {
		if err := checkVertex(blocks, entry, header); err != nil {
			return err
		}
		l.vertices++
	}
	l.leaves = append(l.leaves, leafData(time, item))
	return nil
}

// checkVertex compares the body with the hash in the vertex's own header.
func checkVertex(blocks map[cid.Cid][]byte, entry datamodel.Node, link cid.Cid) error {
	header, err := nodeOf(blocks, link)
	if err != nil {
		return err
	}
	stated, err := header.LookupByString("bodyHash")
	if err != nil {
		return err
	}
	hash, err := stated.AsBytes()
	if err != nil {
		return err
	}
	body, err := linkOf(entry, "body")
	if err != nil {
		return err
	}
	if _, known := blocks[body]; !known || !bytes.Equal(body.Hash()[2:], hash) {
		return fmt.Errorf("the body of vertex %s is not the one of its header", link)
	}
	return nil
}

func (l *ledger) takeCheckpoint(_ map[cid.Cid][]byte, node datamodel.Node) error {
	size, err := integerOf(node, "size")
	if err != nil {
		return err
	}
	text, err := node.LookupByString("note")
	if err != nil {
		return err
	}
	signed, err := text.AsString()
	l.checkpoints = append(l.checkpoints, checkpoint{size, signed})
	return err
}

// leafData is CBOR [time, item]: an array of two, an unsigned integer, a byte string.
func leafData(time int64, item []byte) []byte {
	data := append([]byte{0x82}, cborHead(0, uint64(time))...)
	return append(append(data, cborHead(2, uint64(len(item)))...), item...)
}

func cborHead(major byte, value uint64) []byte {
	major <<= 5
	switch {
	case value < 24:
		return []byte{major | byte(value)}
	case value < 1<<8:
		return []byte{major | 24, byte(value)}
	case value < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(value))
	case value < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{major | 26}, uint32(value))
	}
	return binary.BigEndian.AppendUint64([]byte{major | 27}, value)
}

// eachItem goes through the pages that the root links under a name.
func eachItem(
	blocks map[cid.Cid][]byte,
	root datamodel.Node,
	name string,
	take func(map[cid.Cid][]byte, datamodel.Node) error,
) error {
	pages, err := root.LookupByString(name)
	if err != nil {
		return err
	}
	for at := pages.ListIterator(); !at.Done(); {
		_, link, err := at.Next()
		if err != nil {
			return err
		}
		name, err := link.AsLink()
		if err != nil {
			return err
		}
		page, err := nodeOf(blocks, name.(cidlink.Link).Cid)
		if err != nil {
			return err
		}
		for in := page.ListIterator(); !in.Done(); {
			_, item, err := in.Next()
			if err == nil {
				err = take(blocks, item)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func nodeOf(blocks map[cid.Cid][]byte, name cid.Cid) (datamodel.Node, error) {
	data, known := blocks[name]
	if !known {
		return nil, fmt.Errorf("no block %s", name)
	}
	builder := basicnode.Prototype.Any.NewBuilder()
	if err := dagcbor.Decode(builder, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	return builder.Build(), nil
}

func integerOf(node datamodel.Node, name string) (int64, error) {
	value, err := node.LookupByString(name)
	if err != nil {
		return 0, err
	}
	return value.AsInt()
}

func linkOf(node datamodel.Node, name string) (cid.Cid, error) {
	value, err := node.LookupByString(name)
	if err != nil {
		return cid.Undef, err
	}
	link, err := value.AsLink()
	if err != nil {
		return cid.Undef, err
	}
	return link.(cidlink.Link).Cid, nil
}
