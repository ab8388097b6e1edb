import { concatBytes, error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import { attempt, malformed } from "../parse.ts";

/** What a transfer carries: the content of one frame, and the port that it belongs to. */
export type PortContent = { readonly port: number; readonly content: Uint8Array };

const HEADER_BYTES = 2;

/**
 * Parts of what does not fit a frame. Each begins with the transfer's name, one byte, and the place of the
 * part and of the last one, four bits each; the first part's content begins with the port.
 * @param transfer - 0 … 255, another one than the transfer before.
 * @param frameBytes - size of a frame at the present data rate.
 * @returns MS_TOO_LARGE for more than {@link LIMITS.loraFragments}.
 */
export function fragmentsOf(
    { content, port }: PortContent,
    transfer: number,
    frameBytes: number,
): Result<Uint8Array[]> {
    const whole = concatBytes(Uint8Array.of(port), content);
    const partBytes = frameBytes - HEADER_BYTES;
    const count = Math.ceil(whole.length / partBytes);
    if (count > LIMITS.loraFragments) {
        const expected = `at most ${LIMITS.loraFragments} fragments`;
        return fail(error("MS_TOO_LARGE", { expected, got: `${count}` }));
    }
    const parts = Array.from({ length: count }, (_, i) =>
        concatBytes(
            Uint8Array.of(transfer, (i << 4) | (count - 1)),
            whole.subarray(i * partBytes, (i + 1) * partBytes),
        ),
    );
    return ok(parts);
}

/** Puts the transfers of one device together, one at a time: a new one takes the place of the one before. */
export class FragmentJoiner {
    #transfer = -1;
    #last = -1;
    #parts = new Map<number, Uint8Array>();

    /**
     * Takes a fragment, in any order and also twice.
     * @returns what it completes, or null; MS_MALFORMED for a fragment that contradicts its transfer.
     */
    take(fragment: Uint8Array): Result<PortContent | null> {
        return attempt(() => {
            const [transfer, place] = fragment;
            if (transfer === undefined || place === undefined || fragment.length <= HEADER_BYTES)
                return malformed("fragment", "a header and content");
            const [index, last] = [place >> 4, place & 15];
            if (index > last) malformed("fragment", "a place up to the last one");
            if (transfer !== this.#transfer || last !== this.#last) this.#begin(transfer, last);
            this.#parts.set(index, fragment.slice(HEADER_BYTES));
            return this.#parts.size > last ? this.#complete() : null;
        });
    }

    #begin(transfer: number, last: number): void {
        this.#transfer = transfer;
        this.#last = last;
        this.#parts = new Map();
    }

    #complete(): PortContent {
        const parts = Array.from({ length: this.#last + 1 }, (_, i) => this.#parts.get(i));
        this.#begin(-1, -1);
        const whole = concatBytes(...parts.map((part) => part ?? new Uint8Array()));
        return { port: whole[0] as number, content: whole.subarray(1) };
    }
}
