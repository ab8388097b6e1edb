/** First byte of a CONNECT packet (MQTT 3.1.1 section 3.1.1). */
export const CONNECT_BYTE = 0x10;

/** Whether a packet with this first byte is a PUBLISH (MQTT 3.1.1 section 3.3.1). */
export function isPublish(firstByte: number): boolean {
    return firstByte >> 4 === 3;
}

/** The stream broke its framing or a size limit; the connection has to end. */
export class PacketRefused extends Error {}

/**
 * Cuts a byte stream into whole MQTT control packets (MQTT 3.1.1 section 2.2) and refuses a packet
 * by its header, before any of its body is kept. Holds at most one incomplete packet and one chunk.
 */
export class PacketSplitter {
    readonly #limitBytes: (firstByte: number) => number;
    #chunk: Buffer = Buffer.alloc(0);
    #at = 0;
    readonly #header: number[] = [];
    #packet: Buffer | null = null;
    #filled = 0;

    /** @param limitBytes size limit of a whole packet by its first byte, asked at its header. */
    constructor(limitBytes: (firstByte: number) => number) {
        this.#limitBytes = limitBytes;
    }

    /** Adds bytes; only when {@link next} returned null before. */
    feed(chunk: Buffer): void {
        this.#chunk = this.#at < this.#chunk.length ? Buffer.concat([this.#rest(), chunk]) : chunk;
        this.#at = 0;
    }

    /**
     * The next whole packet, header included, or null when more bytes are needed.
     * @throws PacketRefused when the packet is too large or its length is malformed.
     */
    next(): Buffer | null {
        if (this.#packet === null && !this.#readHeader()) return null;
        const packet = this.#packet;
        if (packet === null) return null;
        const taken = this.#chunk.copy(packet, this.#filled, this.#at);
        this.#filled += taken;
        this.#at += taken;
        if (this.#filled < packet.length) return null;
        this.#packet = null;
        this.#header.length = 0;
        return packet;
    }

    #rest(): Buffer {
        return this.#chunk.subarray(this.#at);
    }

    #readHeader(): boolean {
        const header = this.#header;
        while (this.#at < this.#chunk.length) {
            const byte = this.#chunk[this.#at++] as number;
            header.push(byte);
            if (header.length === 1 || (byte & 0x80) !== 0) {
                if (header.length === 5) throw new PacketRefused("packet length is malformed");
                continue;
            }
            this.#begin(header);
            return true;
        }
        return false;
    }

    #begin(header: readonly number[]): void {
        let length = header.length;
        for (let i = 1; i < header.length; i++) {
            length += ((header[i] as number) & 0x7f) * 128 ** (i - 1);
        }
        const limit = this.#limitBytes(header[0] as number);
        if (length > limit) {
            throw new PacketRefused(`packet of ${length} bytes where ${limit} are allowed`);
        }
        this.#packet = Buffer.allocUnsafeSlow(length); // its own memory: parts of it are kept
        this.#packet.set(header);
        this.#filled = header.length;
    }
}
