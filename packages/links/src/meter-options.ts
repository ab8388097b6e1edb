import { error, hostOf, type MetersealError } from "@meterseal/core";
import { isLoopback } from "./listen-address.ts";

const SUBJECT = /^[0-9a-f]{32}$/;

/** Whether a text is a subject in the form that topics, client ids and user names use. */
export function isSubjectHex(text: string): boolean {
    return SUBJECT.test(text);
}

/**
 * Checks the subject of a meter link.
 * @throws MetersealError MS_USAGE.
 */
export function requireSubjectHex(text: string): void {
    if (isSubjectHex(text)) return;
    throw badOption("subjectHex", "32 lower-case hexadecimal characters", text);
}

/** MS_USAGE for an option of a meter link. */
export function badOption(where: string, expected: string, got: string): MetersealError {
    return error("MS_USAGE", { where, expected, got: JSON.stringify(got) });
}

/**
 * Checks the address of a collector's port for HTTP, as a protocol there has it: plain text stays on
 * the loopback unless it is told that it may leave it.
 * @throws MetersealError MS_USAGE
 */
export function requireWebUrl(
    { insecure, url: text }: { readonly url: string; readonly insecure?: boolean },
    scheme: "http" | "ws",
): void {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isPlain = url?.protocol === `${scheme}:`;
    if (url === null || !(isPlain || url.protocol === `${scheme}s:`) || url.pathname !== "/") {
        throw badOption("url", `${scheme}://HOST:PORT or ${scheme}s://HOST:PORT`, text);
    }
    if (isPlain && !isLoopback(hostOf(url)) && insecure !== true) {
        const expected = `${scheme}s, or a loopback address: ${scheme} is plain text`;
        throw badOption("url", expected, text);
    }
}
