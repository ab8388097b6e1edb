import { plainBytes } from "@meterseal/core";

/** A PUBLISH packet taken apart (MQTT 3.1.1 section 3.3). */
export interface Publish {
    /** Topic, its bytes read one by one: equal to an ASCII topic only if the bytes are. */
    readonly topic: string;
    readonly qos: number;
    readonly retain: boolean;
    /** Packet id, 0 at QoS 0. */
    readonly id: number;
    /** View of the payload in the packet. */
    readonly payload: Uint8Array;
}

/** Takes a whole PUBLISH packet apart; null when it is malformed. */
export function parsePublish(packet: Buffer): Publish | null {
    const first = packet[0] ?? 0;
    const qos = (first >> 1) & 3;
    let at = 1;
    while (((packet[at++] ?? 0) & 0x80) !== 0);
    if (qos === 3 || packet.length < at + 2) return null;
    const topicStart = at + 2;
    const topicEnd = topicStart + packet.readUInt16BE(at);
    const payloadStart = qos === 0 ? topicEnd : topicEnd + 2;
    if (packet.length < payloadStart) return null;
    const id = qos === 0 ? 0 : packet.readUInt16BE(topicEnd);
    if (qos !== 0 && id === 0) return null;
    return {
        topic: packet.toString("latin1", topicStart, topicEnd),
        qos,
        retain: (first & 1) !== 0,
        id,
        payload: plainBytes(packet.subarray(payloadStart)),
    };
}

/** First bytes of the packets that acknowledge a PUBLISH (MQTT 3.1.1 sections 3.4 … 3.7). */
export const ACKNOWLEDGE = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** One of {@link ACKNOWLEDGE} for a packet id. */
export function acknowledgement(kind: keyof typeof ACKNOWLEDGE, id: number): Buffer {
    return Buffer.of(ACKNOWLEDGE[kind], 2, id >> 8, id & 0xff);
}

/** Packet id of a whole PUBREL; null when it is malformed. */
export function parsePubrel(packet: Buffer): number | null {
    const id = packet.length === 4 ? packet.readUInt16BE(2) : 0;
    return id === 0 ? null : id;
}

/**
 * PUBLISH at QoS 0, not retained (MQTT 3.1.1 section 3.3).
 *
 * @param topic ASCII, below 64 KiB.
 */
export function publishQos0(topic: string, payload: Uint8Array): Buffer {
    const length = 2 + topic.length + payload.length;
    const header = [0x30];
    for (let rest = length; ; ) {
        const byte = rest % 128;
        rest = Math.floor(rest / 128);
        header.push(rest > 0 ? byte | 0x80 : byte);
        if (rest === 0) break;
    }
    const packet = Buffer.allocUnsafe(header.length + length);
    packet.set(header);
    const at = packet.writeUInt16BE(topic.length, header.length);
    packet.write(topic, at, "latin1");
    packet.set(payload, at + topic.length);
    return packet;
}
