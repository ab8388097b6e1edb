import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { packet } from "@meterseal/testkit/mqtt-packets";
import { describe, expect, it } from "vitest";
import { type GatePolicy, PacketGate } from "../src/mqtt/packet-gate.ts";

/** A socket without a network: `push` is what the peer sends. */
function fakeSocket() {
    const written: Buffer[] = [];
    const duplex = new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
            written.push(chunk);
            done();
        },
    });
    const socket = Object.assign(duplex, {
        setNoDelay() {},
        connecting: false,
        destroySoon: () => duplex.destroy(),
    });
    return { socket: socket as unknown as Socket, peer: duplex, written };
}

function tick(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
}

const PACKETS = Array.from({ length: 10 }, (_, i) => packet(0x30, Uint8Array.of(i, i)));

describe("packet gate", () => {
    it("stops the socket while a packet is held, and goes on where it stopped", async () => {
        let admitted = 3;
        const policy: GatePolicy = {
            limitBytes: () => 100,
            admit: () => (admitted-- > 0 ? "pass" : "hold"),
            busy: false,
        };
        const { socket, peer } = fakeSocket();
        const gate = new PacketGate(socket, policy, 1_000);
        const out: Buffer[] = [];
        gate.on("data", (chunk: Buffer) => out.push(chunk));
        await tick();
        for (const bytes of PACKETS) peer.push(bytes);
        await tick();
        expect(Buffer.concat(out)).toEqual(Buffer.concat(PACKETS.slice(0, 3)));
        expect(peer.isPaused()).toBe(true);
        expect(peer.readableLength).toBeGreaterThan(0); // stays in the socket
        admitted = 100;
        gate.wake();
        await tick();
        expect(Buffer.concat(out)).toEqual(Buffer.concat(PACKETS));
        expect(peer.isPaused()).toBe(false);
        gate.destroy();
    });

    it("stops the socket while nobody reads", async () => {
        const policy: GatePolicy = { limitBytes: () => 100, admit: () => "pass", busy: false };
        const { socket, peer } = fakeSocket();
        const gate = new PacketGate(socket, policy, 1_000);
        peer.push(PACKETS[0]);
        await tick();
        expect(peer.isPaused()).toBe(true);
        gate.destroy();
    });

    it("ends with an error at an oversized packet, and takes the socket along", async () => {
        const policy: GatePolicy = { limitBytes: () => 3, admit: () => "pass", busy: false };
        const { socket, peer } = fakeSocket();
        const gate = new PacketGate(socket, policy, 1_000);
        const failure = new Promise<Error>((resolve) => gate.once("error", resolve));
        gate.resume();
        peer.push(PACKETS[0]);
        expect((await failure).message).toBe("packet of 4 bytes where 3 are allowed");
        expect(peer.destroyed).toBe(true);
    });
});
