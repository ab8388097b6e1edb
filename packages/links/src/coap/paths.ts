/** Resources of the collector, by the first segment of their paths. */
export const RESOURCE = {
    /** `POST /s/{subject}` with a link token begins a session, `DELETE` ends it. */
    session: "s",
    /** `POST /m?s=…` takes a message; an empty one is a probe. */
    messages: "m",
    /** `GET /c/{subject}?s=…`: the oldest message for the meter; to be observed. */
    queue: "c",
    /** `GET /t`: the collector's time in seconds since 1970, as CBOR. */
    time: "t",
} as const;

/** Query that names the session. */
export const SESSION_QUERY = "s";
/** Query that names the silence in seconds after which a meter wants to be given up. */
export const KEEPALIVE_QUERY = "k";

/** Resource type of the messages in `/.well-known/core`. */
const RESOURCE_TYPE = "meterseal.env";

/** What `/.well-known/core` lists (RFC 6690). */
export function linkFormat(hasClock: boolean): string {
    const links = [
        `</m>;rt="${RESOURCE_TYPE}";ct="63 18"`,
        `</c>;rt="${RESOURCE_TYPE}";ct=63;obs`,
        "</s>",
        ...(hasClock ? ["</t>;ct=60"] : []),
    ];
    return links.join(",");
}
