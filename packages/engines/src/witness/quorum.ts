import { error, MetersealError, unwrap } from "@meterseal/core";
import {
    findCosignature,
    formatNote,
    judgeQuorum,
    type NoteSignature,
    type Policy,
    parseNote,
    smallestQuorum,
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
     * Asks all witnesses at one time; as soon as they are enough, the note with as few cosignatures as
     * that takes, those among them that it has already. Lines of other keys are left out.
     * @param note - the log's own signature is its first line.
     * @throws MetersealError MS_WITNESS with each witness's answer where they are not enough.
     */
    async cosign(note: string, size: number, pathFrom: PathFrom): Promise<string> {
        const { signatures, text } = unwrap(parseNote(note));
        const log = signatures.slice(0, 1);
        const lines = new Map<string, NoteSignature>();
        // To readers such a line would be a signature of the log that does not hold.
        const isForLogs = ({ keyId, name }: NoteSignature): boolean =>
            log.some((own) => own.name === name && own.keyId === keyId);
        for (const { key, name } of this.policy.witnesses) {
            const line = findCosignature({ text, signatures }, key);
            if (line !== null && !isForLogs(line)) lines.set(name, line);
        }
        const enough = (): string | null => {
            const names = smallestQuorum(this.policy, new Set(lines.keys()));
            const needed = names?.flatMap((name) => lines.get(name) ?? []);
            return needed ? formatNote({ text, signatures: [...log, ...needed] }) : null;
        };
        const already = enough();
        if (already !== null) return already;

        const asked = formatNote({ text, signatures: log });
        const failures: string[] = [];
        const ask = async (client: WitnessClient): Promise<void> => {
            const { name } = client.options;
            try {
                const line = await client.cosign(asked, size, pathFrom);
                if (isForLogs(line))
                    throw error("MS_WITNESS", { got: "the log's name and key id" });
                lines.set(name, line);
            } catch (cause) {
                failures.push(`${name}: ${saidBy(cause)}`);
            }
        };
        const where = `size ${size}`;
        return await new Promise((resolve, reject) => {
            const settle = (): void => {
                const cosigned = enough();
                if (cosigned !== null) resolve(cosigned);
            };
            Promise.all(this.#clients.map((client) => ask(client).then(settle))).then(
                () => reject(error("MS_WITNESS", { where, got: failures.join("; ") })),
                (cause) => reject(error("MS_WITNESS", { where, got: saidBy(cause), cause })),
            );
        });
    }
}

function saidBy(cause: unknown): string {
    const got = cause instanceof MetersealError ? cause.details.got : undefined;
    return got ?? String(cause);
}
