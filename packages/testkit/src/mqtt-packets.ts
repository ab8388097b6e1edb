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

/** A length-prefixed string. */
function text(value: string): Buffer {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

/** CONNECT with a clean session. */
export function connectPacket(options: {
    clientId: string;
    username?: string;
    version?: number;
    keepalive?: number;
    will?: { topic: string; payload: string; retain: boolean };
}): Buffer {
    const { clientId, username = clientId, version = 4, keepalive = 30, will } = options;
    const willFlags = will === undefined ? 0 : 0x04 | (will.retain ? 0x20 : 0);
    return packet(
        0x10,
        text("MQTT"),
        Buffer.of(version, 0xc2 | willFlags, keepalive >> 8, keepalive & 0xff),
        version === 5 ? Buffer.of(0) : Buffer.alloc(0),
        text(clientId),
        will === undefined ? Buffer.alloc(0) : text(will.topic),
        will === undefined ? Buffer.alloc(0) : text(will.payload),
        text(username),
        text("token"),
    );
}

/** PUBLISH. */
export function publishPacket(
    topic: string,
    payload: Uint8Array,
    options: { id?: number; qos?: number; retain?: boolean } = {},
): Buffer {
    const { id = 1, qos = 1, retain = false } = options;
    const idBytes = qos === 0 ? Buffer.alloc(0) : Buffer.of(id >> 8, id & 0xff);
    return packet(0x30 | (qos << 1) | (retain ? 1 : 0), text(topic), idBytes, payload);
}

/** SUBSCRIBE to one filter at QoS 1. */
export function subscribePacket(filter: string): Buffer {
    return packet(0x82, Buffer.of(0, 9), text(filter), Buffer.of(1));
}
