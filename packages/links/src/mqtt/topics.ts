/** Kinds of message that a meter sends; a routing hint, the record inside decides. */
const UP_CHANNELS = ["usage", "billing", "warning", "response"] as const;

/** One of {@link UP_CHANNELS}. */
export type UpChannel = (typeof UP_CHANNELS)[number];

const TENANT = /^[A-Za-z0-9_.-]{1,64}$/;

/** Whether a text may stand in a topic as a tenant: 1 … 64 letters, digits, `_`, `.` or `-`. */
export function isTenant(text: string): boolean {
    return TENANT.test(text);
}

/** Topics of one meter, below `ms/1/{tenant}/{subject}/`. */
export interface MeterTopics {
    /** Where the meter publishes messages, QoS 1 or as a client of its own likes, never retained. */
    up(channel: UpChannel): string;
    /** Receipts from the collector, QoS 0, never retained. */
    readonly receipts: string;
    /** Filter for commands and requests to the meter. */
    readonly down: string;
    /** Retained `online`, and `offline` as the last will. */
    readonly state: string;
}

/** Builds the topics of one meter. */
export function meterTopics(tenant: string, subjectHex: string): MeterTopics {
    const base = `ms/1/${tenant}/${subjectHex}`;
    return {
        up: (channel) => `${base}/up/${channel}`,
        receipts: `${base}/rcpt`,
        down: `${base}/dn/#`,
        state: `${base}/state`,
    };
}

/** What a meter may publish to: its own `up/…` and `state`, nothing else (null). */
export function publishTopicKind(
    tenant: string,
    subjectHex: string,
    topic: string,
): "up" | "state" | null {
    const base = `ms/1/${tenant}/${subjectHex}/`;
    if (!topic.startsWith(base)) return null;
    const rest = topic.slice(base.length);
    if (rest === "state") return "state";
    return UP_CHANNELS.some((channel) => rest === `up/${channel}`) ? "up" : null;
}

/** Whether a meter may subscribe to this filter: its own `rcpt` and `dn/…`, nothing else. */
export function maySubscribe(tenant: string, subjectHex: string, filter: string): boolean {
    const base = `ms/1/${tenant}/${subjectHex}/`;
    if (!filter.startsWith(base)) return false;
    return ["rcpt", "dn/#", "dn/control", "dn/request"].includes(filter.slice(base.length));
}
