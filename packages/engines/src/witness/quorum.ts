import { error, MetersealError } from "@meterseal/core";
import {
    formatNote,
    judgeQuorum,
    type NoteSignature,
    type Policy,
    parseNote,
} from "@meterseal/ledger";
import { type PathFrom, type Post, WitnessClient } from "./client.ts";

/** Gathers cosignatures until a policy is satisfied. */
export class WitnessQuorum {
    readonly policy: Policy;
    readonly #clients: readonly WitnessClient[];

    /**
     * @throws MetersealError MS_WITNESS_POLICY where a witness of the policy has no URL.
     */
    constructor(policy: Policy, post: Post) {
        this.policy = policy;
        this.#clients = policy.witnesses.map(({ key, name, url }) => {
            if (url === undefined || !/^https?:\/\//.test(url)) {
                throw error("MS_WITNESS_POLICY", {
                    where: `witness ${name}`,
                    expected: "an http or https URL",
                });
            }
            return new WitnessClient({ name, key, url, post });
        });
    }

    /** True where a note carries the cosignatures that the policy asks for. */
    isMet(note: string): boolean {
        return judgeQuorum(this.policy, note).met;
    }

    /**
     * Asks all witnesses at one time; the note with the cosignatures that came, as soon as they are
     * enough.
     * @throws MetersealError MS_WITNESS with each witness's answer where they are not enough.
     */
    cosign(note: string, size: number, pathFrom: PathFrom): Promise<string> {
        const { text, signatures } = requireNote(note);
        const gathered: NoteSignature[] = [...signatures];
        const failures: string[] = [];
        return new Promise((resolve, reject) => {
            let waiting = this.#clients.length;
            const settle = (): void => {
                const cosigned = formatNote({ text, signatures: gathered });
                if (this.isMet(cosigned)) resolve(cosigned);
                else if (waiting === 0) {
                    reject(
                        error("MS_WITNESS", { where: `size ${size}`, got: failures.join("; ") }),
                    );
                }
            };
            for (const client of this.#clients) {
                client.cosign(note, size, pathFrom).then(
                    (lines) => {
                        waiting--;
                        gathered.push(...lines);
                        settle();
                    },
                    (cause: unknown) => {
                        waiting--;
                        const { name } = client.options;
                        const got = cause instanceof MetersealError ? cause.details.got : undefined;
                        failures.push(`${name}: ${got ?? String(cause)}`);
                        settle();
                    },
                );
            }
            if (waiting === 0) settle();
        });
    }
}

function requireNote(note: string): { text: string; signatures: readonly NoteSignature[] } {
    const parsed = parseNote(note);
    if (parsed.ok) return parsed.value;
    throw parsed.error;
}
