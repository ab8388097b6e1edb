import {
    LIMITS,
    type LinkHandler,
    type MeterLink,
    type MeterLinkHandler,
    MetersealError,
} from "@meterseal/core";

/** Waits until a condition holds, looking every 5 ms; fails with the awaited thing's name. */
export async function until(
    condition: () => boolean | Promise<boolean>,
    what: string,
    limitMs = 4_000,
): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await condition())) {
        if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}

/** Thirty messages: the smallest, the largest, all byte values, and sizes where framings change. */
export function sampleMessages(): Uint8Array[] {
    const sizes = [2, 3, 7, 23, 24, 63, 64, 65, 99, 100, 127, 128, 255, 256, 257, 1_000, 1_024];
    const large = [16_383, 16_384, 16_385, 32_768, 65_535, LIMITS.messageBytes];
    return [
        Uint8Array.of(0),
        Uint8Array.of(0xff),
        Uint8Array.from({ length: 256 }, (_, i) => i),
        new Uint8Array(500),
        new Uint8Array(500).fill(0xff),
        new TextEncoder().encode("Zähler – 电表"),
        new TextEncoder().encode("$SYS/#+\0\r\n\r\n"),
        ...[...sizes, ...large].map((size) => Uint8Array.from({ length: size }, noise(size))),
    ];
}

function noise(seed: number): () => number {
    let state = (seed * 2_654_435_761) >>> 0 || 1;
    return () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state & 0xff;
    };
}

/** The token that {@link ScriptedCollector} accepts is `1, n` with a number of the meter's own. */
const VALID = 1;

/** Collector whose behaviour a test sets, and that remembers what came. */
export class ScriptedCollector implements LinkHandler {
    readonly received: { subjectHex: string; message: Uint8Array }[] = [];
    /** Numbers of the accepted tokens. */
    readonly tokens: number[] = [];
    refused = 0;
    onReceive: ((subjectHex: string, message: Uint8Array) => Promise<void>) | null = null;
    onConnected: ((subjectHex: string) => unknown) | null = null;

    authenticate(_subjectHex: string, token: Uint8Array): Promise<boolean> {
        const allowed = token.length === 2 && token[0] === VALID;
        if (allowed) this.tokens.push(token[1] as number);
        else this.refused++;
        return Promise.resolve(allowed);
    }

    async receive(subjectHex: string, message: Uint8Array): Promise<void> {
        this.received.push({ subjectHex, message });
        await this.onReceive?.(subjectHex, message);
    }

    connected(subjectHex: string): void {
        this.onConnected?.(subjectHex);
    }

    /** What came, as texts. */
    texts(): string[] {
        return this.received.map(({ message }) => new TextDecoder().decode(message));
    }
}

/** Meter with a caller's part: it sends again what was not acknowledged. */
export class TestMeter implements MeterLinkHandler {
    readonly link: MeterLink;
    readonly subjectHex: string;
    readonly messages: Uint8Array[] = [];
    readonly acknowledged: string[] = [];
    tokenValid = true;
    tokens = 0;
    ups = 0;
    downs = 0;
    refusedBusy = 0;

    constructor(create: (token: () => Promise<Uint8Array>) => MeterLink, subjectHex: string) {
        this.subjectHex = subjectHex;
        this.link = create(() => {
            this.tokens++;
            return Promise.resolve(Uint8Array.of(this.tokenValid ? VALID : 0, this.tokens));
        });
    }

    get isUp(): boolean {
        return this.ups > this.downs;
    }

    up(): void {
        this.ups++;
    }

    down(): void {
        this.downs++;
    }

    message(message: Uint8Array): void {
        this.messages.push(message);
    }

    untilUp(): Promise<void> {
        return until(() => this.isUp, "the meter's link");
    }

    /** What came, as texts. */
    texts(): string[] {
        return this.messages.map((message) => new TextDecoder().decode(message));
    }

    /** Sends again and again until it is acknowledged, as a meter with an outbox does. */
    async sendUntilAcknowledged(message: Uint8Array): Promise<void> {
        for (;;) {
            await until(() => this.isUp, "the meter's link", 6_000);
            try {
                await this.link.send(message);
                this.acknowledged.push(new TextDecoder().decode(message));
                return;
            } catch (cause) {
                if (!(cause instanceof MetersealError)) throw cause;
                if (cause.code === "MS_BUSY") this.refusedBusy++;
                else if (cause.code !== "MS_LINK") throw cause;
                await new Promise((resolve) => setTimeout(resolve, 5));
            }
        }
    }

    /** Sends all with a number of senders at a time. */
    async sendAll(messages: readonly Uint8Array[], senders: number): Promise<void> {
        const rest = [...messages].reverse();
        await Promise.all(
            Array.from({ length: senders }, async () => {
                for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
                    await this.sendUntilAcknowledged(next);
                }
            }),
        );
    }
}
