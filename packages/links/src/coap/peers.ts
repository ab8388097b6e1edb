import { randomInt } from "node:crypto";
import type { CoapMessage } from "./codec.ts";

/** Messages of one peer whose copies are known, with what was answered. */
const RECENT_MESSAGES = 64;
/** The same of a peer that nobody vouches for. */
const RECENT_OF_STRANGERS = 4;
const MESSAGE_IDS = 65_536;

/** A confirmable message that waits for its acknowledgement. */
export type Outstanding = {
    /** Called once: with the acknowledgement, or null where waiting has ended otherwise. */
    readonly settle: (outcome: CoapMessage | null, failure?: string) => void;
};

/** The other end of exchanges, as its address and port name it, and what must be known of it. */
export class Peer {
    readonly address: string;
    readonly port: number;
    /** Confirmable messages to it, by their ids. */
    readonly outstanding = new Map<number, Outstanding>();
    /** Sessions that hold it; while there are any it counts as verified and is not forgotten. */
    holders = 0;
    readonly #recent = new Map<number, Buffer | null>();
    #nextId = randomInt(MESSAGE_IDS);

    constructor(address: string, port: number) {
        this.address = address;
        this.port = port;
    }

    /** Whether its address was shown to be its own. */
    get isVerified(): boolean {
        return this.holders > 0;
    }

    /** Id for a new message to it, other than those that wait. */
    takeId(): number {
        do this.#nextId = (this.#nextId + 1) % MESSAGE_IDS;
        while (this.outstanding.has(this.#nextId));
        return this.#nextId;
    }

    /** Answer to a message that came before, null while there is none; undefined for a new one. */
    answerTo(id: number): Buffer | null | undefined {
        return this.#recent.get(id);
    }

    /** Remembers a message, and what a copy of it is answered. */
    remember(id: number, answer: Buffer | null): void {
        this.#recent.set(id, answer);
        const most = this.isVerified ? RECENT_MESSAGES : RECENT_OF_STRANGERS;
        for (const oldest of this.#recent.keys()) {
            if (this.#recent.size <= most) break;
            this.#recent.delete(oldest);
        }
    }
}

/** Peers that are remembered: all that a session holds, and the latest strangers. */
export class PeerTable {
    readonly #maxStrangers: number;
    readonly #strangers = new Map<string, Peer>();
    readonly #held = new Map<string, Peer>();

    constructor(maxStrangers: number) {
        this.#maxStrangers = maxStrangers;
    }

    /** The peer of an address; the stranger that was silent for longest makes room for a new one. */
    find(address: string, port: number): Peer {
        const key = `${address}|${port}`;
        const held = this.#held.get(key);
        if (held !== undefined) return held;
        const peer = this.#strangers.get(key) ?? new Peer(address, port);
        this.#strangers.delete(key);
        this.#strangers.set(key, peer);
        for (const oldest of this.#strangers.keys()) {
            if (this.#strangers.size <= this.#maxStrangers) break;
            this.#strangers.delete(oldest);
        }
        return peer;
    }

    /** A session holds a peer from now on. */
    hold(peer: Peer): void {
        const key = `${peer.address}|${peer.port}`;
        peer.holders++;
        this.#strangers.delete(key);
        this.#held.set(key, peer);
    }

    /** A session lets go of its peer; without another one it is forgotten, with what waits. */
    release(peer: Peer): void {
        if (--peer.holders > 0) return;
        this.#held.delete(`${peer.address}|${peer.port}`);
        for (const { settle } of [...peer.outstanding.values()])
            settle(null, "a session that ended");
    }
}
