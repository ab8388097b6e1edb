import { type Signer, toHex, unwrap } from "@meterseal/core";
import { accept, type LedgerState, parseEntry, stateRoot } from "@meterseal/ledger";
import {
    createSign1,
    NOTICE_KIND,
    type NoticeContent,
    PARTY_ROLE,
    type Sign1,
} from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import type { SeededRandom } from "@meterseal/testkit/random";
import { TEST_LATER_MS, TestNetwork } from "@meterseal/testkit/records";
import { mutateBytes } from "./mutate.ts";
import { mutateItem } from "./mutate-message.ts";
import { follow, idle, recipe } from "./recipe.ts";
import { type FuzzInput, type FuzzSession, type FuzzVerdict, verdictOf } from "./target.ts";

/** What parties say, changed and signed anew: a refused entry changes nothing, a taken one does. */
export class StatementSession implements FuzzSession {
    readonly make = recipe;
    readonly #network = new TestNetwork("fuzz statements");
    /** Messages that the state takes one after the other, with who signs each. */
    #story: readonly { readonly message: Sign1; readonly signer: Signer }[] = [];
    #start!: () => LedgerState;

    static async open(): Promise<StatementSession> {
        const session = new StatementSession();
        await session.#write();
        return session;
    }

    async #write(): Promise<void> {
        const network = this.#network;
        const { descriptor, enrolment } = await network.meter("fuzz statements");
        const home = await TestParty.make(network, "home", {
            payload: { streams: [descriptor.stream] },
        });
        const [provider, monitor] = await Promise.all(
            [PARTY_ROLE.provider, PARTY_ROLE.monitor].map((role) =>
                TestParty.make(network, `role ${role}`, { payload: { role } }),
            ),
        );
        if (provider === undefined || monitor === undefined) throw new Error("no parties");
        const hash = testBytes("fuzz grant", 32);
        const said = async (party: TestParty, content: NoticeContent) => ({
            message: (await party.notice(content)).message,
            signer: party.signer,
        });
        const { cohort, grant, override, policy, revocation } = NOTICE_KIND;
        const admitted = [home, provider, monitor, await home.rotate({ signer: home.signer })];
        this.#story = [
            ...admitted.map(({ party }) => ({ message: party.message, signer: network.operator })),
            await said(home, { kind: grant, hash }),
            await said(home, { kind: policy, hash }),
            await said(home, { kind: override, hash, findings: hash }),
            await said(home, { kind: revocation, hash }),
            await said(monitor, { kind: cohort, cohort: Uint8Array.of(1) }),
            { message: (await provider.tariff()).message, signer: provider.signer },
        ];
        this.#start = () => {
            const state = network.state();
            unwrap(accept(state, { kind: "enrolment", enrolment }, TEST_LATER_MS, () => true));
            return state;
        };
    }

    async take(input: FuzzInput): Promise<FuzzVerdict> {
        const random = follow(input);
        const state = this.#start();
        const upTo = random.below(this.#story.length);
        for (const { message } of this.#story.slice(0, upTo)) this.#offer(state, message.bytes);
        const forged = await this.#forge(random, random.pick(this.#story));
        return this.#offer(state, forged);
    }

    async #forge(
        random: SeededRandom,
        { message, signer }: { readonly message: Sign1; readonly signer: Signer },
    ): Promise<Uint8Array> {
        const { payload, type } = message;
        const changed = mutateItem(random, payload) ?? mutateBytes(random, payload, [payload]);
        return await createSign1(idle(signer), type, changed);
    }

    #offer(state: LedgerState, bytes: Uint8Array): FuzzVerdict {
        const entry = parseEntry(bytes, []);
        if (!entry.ok) return verdictOf(entry);
        const before = toHex(stateRoot(state));
        const accepted = accept(state, entry.value, TEST_LATER_MS, () => true);
        const isSame = toHex(stateRoot(state)) === before;
        if (accepted.ok === isSame) {
            throw new Error(
                accepted.ok ? "an entry changed nothing" : "a refused entry changed the state",
            );
        }
        return verdictOf(accepted);
    }
}
