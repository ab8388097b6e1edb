/** A whole MQTT control packet from its first byte and the rest (MQTT 3.1.1 section 2.2). */
export function packet(firstByte: number, ...parts: readonly Uint8Array[]): Buffer {
    const body = Buffer.concat(parts);
    const length: number[] = [];
    let rest = body.length;
    do {
        length.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    return Buffer.concat([Buffer.of(firstByte, ...length), body]);
}

function text(value: string): Buffer {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

/** CONNECT of a meter with a clean session, its subject as user and some password. */
export function connectPacket(subjectHex: string, keepaliveSeconds: number): Buffer {
    const head = Buffer.of(4, 0xc2, keepaliveSeconds >> 8, keepaliveSeconds & 0xff);
    return packet(0x10, text("MQTT"), head, text(subjectHex), text(subjectHex), text("token"));
}

/** SUBSCRIBE to one filter at QoS 1. */
export function subscribePacket(filter: string): Buffer {
    return packet(0x82, Buffer.of(0, 9), text(filter), Buffer.of(1));
}

/** PUBLISH with any flags. */
export function publishPacket(
    topic: string,
    payload: Uint8Array,
    { id, qos, retain }: { id: number; qos: number; retain: boolean },
): Buffer {
    const idBytes = qos === 0 ? Buffer.alloc(0) : Buffer.of(id >> 8, id & 0xff);
    return packet(0x30 | (qos << 1) | (retain ? 1 : 0), text(topic), idBytes, payload);
}
