import { error, type MetersealError, unwrap } from "@meterseal/core";
import {
    type CosignerKey,
    findCosignature,
    formatAddCheckpoint,
    type NoteSignature,
    parseNote,
} from "@meterseal/ledger";

/** Consistency path from an older size to the tree of the checkpoint (RFC 9162 section 2.1.4.1). */
export type PathFrom = (oldSize: number) => readonly Uint8Array[];

/** How a witness is reached. */
export type WitnessClientOptions = {
    /** Name that the policy gives it; for messages. */
    readonly name: string;
    readonly key: CosignerKey;
    /** Submission prefix: `add-checkpoint` is appended. */
    readonly url: string;
    readonly post: Post;
};

/** Sends a body to a URL; rejects where no whole answer came in time. */
export type Post = (url: string, body: string) => Promise<{ status: number; body: string }>;

const SIZE = /^(0|[1-9][0-9]{0,14})\n$/;

/** Asks one witness for cosignatures (C2SP tlog-witness); remembers what the witness has seen. */
export class WitnessClient {
    readonly options: WitnessClientOptions;
    #oldSize = 0;

    constructor(options: WitnessClientOptions) {
        this.options = options;
    }

    /**
     * The cosignature of this witness's key on a checkpoint. Whatever else it answers is left out.
     * @throws MetersealError MS_WITNESS with the answer where the witness refuses or is not reached.
     */
    async cosign(note: string, size: number, pathFrom: PathFrom): Promise<NoteSignature> {
        let answer = await this.#ask(note, pathFrom);
        if (answer.status === 409 && SIZE.test(answer.body)) {
            const known = Number(answer.body);
            if (known === this.#oldSize)
                throw this.#refused("another root of this size is cosigned");
            // A witness that is ahead of us has seen more of the log than we have: we are behind.
            if (known > size) throw this.#refused(`size ${known} is cosigned already`);
            this.#oldSize = known;
            answer = await this.#ask(note, pathFrom);
        }
        if (answer.status !== 200) {
            throw this.#refused(`status ${answer.status}: ${answer.body.trim().slice(0, 200)}`);
        }
        const signature = this.#readSignature(note, answer.body);
        this.#oldSize = size;
        return signature;
    }

    async #ask(note: string, pathFrom: PathFrom): Promise<{ status: number; body: string }> {
        const oldSize = this.#oldSize;
        const path = oldSize === 0 ? [] : pathFrom(oldSize);
        const { name, post, url } = this.options;
        try {
            const body = formatAddCheckpoint({ oldSize, path, note });
            return await post(`${url.replace(/\/$/, "")}/add-checkpoint`, body);
        } catch (cause) {
            const got = cause instanceof Error ? cause.message : String(cause);
            throw error("MS_WITNESS", { where: name, got, cause });
        }
    }

    #readSignature(note: string, body: string): NoteSignature {
        const { text } = unwrap(parseNote(note));
        const answered = parseNote(`${text}\n${body}`);
        const own = answered.ok
            ? findCosignature({ text, signatures: answered.value.signatures }, this.options.key)
            : null;
        if (own === null) throw this.#refused("no cosignature that fits");
        return own;
    }

    #refused(got: string): MetersealError {
        return error("MS_WITNESS", { where: this.options.name, expected: "a cosignature", got });
    }
}
