import { isSubjectHex } from "../meter-options.ts";

/** Exchange behind which RabbitMQ's plugin takes and gives frames; ours has the same name. */
const EXCHANGE = "/exchange/amq.topic";
/** Where frames are sent to; their subject says to whom. */
export const TARGET = EXCHANGE;

/** Subject of a message with a frame. */
export function keyOf(tenant: string, direction: "up" | "dn", subjectHex: string): string {
    return `${tenant}.${direction}.${subjectHex}`;
}

/** Where frames come from. */
export function sourceOf(key: string): string {
    return `${EXCHANGE}/${key}`;
}

/** Meter of a key or source in a direction; null for any other text. */
export function subjectOf(tenant: string, direction: "up" | "dn", text: unknown): string | null {
    const key = String(text ?? "").replace(`${EXCHANGE}/`, "");
    const start = `${tenant}.${direction}.`;
    const subject = key.slice(start.length);
    return key.startsWith(start) && isSubjectHex(subject) ? subject : null;
}
