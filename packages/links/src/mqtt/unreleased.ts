const IDS = 65_536;

/** Packet ids of messages at QoS 2 between PUBLISH and PUBREL (MQTT 3.1.1 section 4.3.3). */
export class UnreleasedIds {
    /** A bit for each id; made with the first one. */
    #bits: Uint8Array | null = null;

    /** Takes an id in; false for one that is in already, whose message is a copy. */
    add(id: number): boolean {
        this.#bits ??= new Uint8Array(IDS / 8);
        const [at, bit] = [id >> 3, 1 << (id & 7)];
        const before = this.#bits[at] ?? 0;
        this.#bits[at] = before | bit;
        return (before & bit) === 0;
    }

    /** Lets an id go, for another message. */
    release(id: number): void {
        if (this.#bits === null) return;
        const at = id >> 3;
        this.#bits[at] = (this.#bits[at] ?? 0) & ~(1 << (id & 7));
    }
}
