/** How a check came out. */
export type CheckStatus = "ok" | "warning" | "fault";

/** One thing that was looked at. */
export type Check = {
    readonly name: string;
    readonly status: CheckStatus;
    readonly message: string;
    /** What the reader can do; null where there is nothing to do. */
    readonly todo: string | null;
};

/** A check that found nothing. */
export function fine(name: string, message: string): Check {
    return { name, status: "ok", message, todo: null };
}

/** Something that works now and may not later. */
export function warning(name: string, message: string, todo: string): Check {
    return { name, status: "warning", message, todo };
}

/** Something that a server cannot work with. */
export function fault(name: string, message: string, todo: string): Check {
    return { name, status: "fault", message, todo };
}

const NAMED_MAX = 3;

/** Names in a sentence, the first few of many. */
export function listed(names: readonly string[]): string {
    const more = names.length - NAMED_MAX;
    return names.slice(0, NAMED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
