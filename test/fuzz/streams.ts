import { concatBytes } from "@meterseal/core";
import {
    MbusSplitter,
    P1CipherSplitter,
    P1Splitter,
    ReadoutSplitter,
    SensorLineSplitter,
    SmlSplitter,
} from "@meterseal/telegram";
import { smlStream, telegrams } from "./corpus.ts";
import { mutateBytes } from "./mutate.ts";
import { bytesOf, type FuzzSession, requireSame } from "./target.ts";

type Splitter = { push(chunk: Uint8Array): Uint8Array[] };
type Port = { readonly splitter: () => Splitter; readonly captures: () => readonly Uint8Array[] };

const hex = (bytes: Uint8Array): Uint8Array =>
    Uint8Array.fromHex(
        Buffer.from(bytes)
            .toString("latin1")
            .replaceAll(/[^0-9a-fA-F]/g, ""),
    );
const text = (line: string): Uint8Array => new TextEncoder().encode(line);

/** What cuts the bytes of each local port into telegrams, and what real meters said there. */
const PORTS: readonly Port[] = [
    { splitter: () => new P1Splitter(), captures: () => telegrams("p1") },
    { splitter: () => new P1CipherSplitter(), captures: () => telegrams("p1-encrypted").map(hex) },
    { splitter: () => new SmlSplitter(), captures: () => [...telegrams("sml"), smlStream()] },
    { splitter: () => new ReadoutSplitter(), captures: () => telegrams("iec62056-21") },
    { splitter: () => new MbusSplitter(), captures: () => telegrams("mbus") },
    {
        splitter: () => new SensorLineSplitter(),
        captures: () => [text("MSC1,4,00,4995,0,230,511*4DF8\r\n")],
    },
];
const STREAM_BYTES = 12_000;
/** Bytes in front of a stream: its port, and how long its pieces are. */
const HEAD_BYTES = 2;

/** The stream in pieces of several lengths. */
function* pieces(stream: Uint8Array, length: number): Generator<Uint8Array> {
    for (let at = 0, step = length; at < stream.length; at += step, step = 1 + ((step * 7) % 61))
        yield stream.subarray(at, at + step);
}

/** Telegrams of a port one behind the other, some of them changed or cut, in whatever pieces they come. */
export function telegramStreams(): FuzzSession {
    const captures = PORTS.map((port) => port.captures());
    return {
        make: (random) => {
            const port = random.below(PORTS.length);
            const own = captures[port] ?? [];
            const parts = Array.from({ length: 1 + random.below(4) }, () => {
                const capture = random.pick(own);
                if (random.chance(0.5)) return capture;
                if (random.chance(0.3)) return capture.subarray(random.below(capture.length));
                return mutateBytes(random, capture, random.pick(captures));
            });
            const stream = concatBytes(...parts).subarray(0, STREAM_BYTES);
            return concatBytes(Uint8Array.of(port, 1 + random.below(60)), stream);
        },
        take: (input) => {
            const [port = 0, step = 1] = bytesOf(input);
            const stream = bytesOf(input).subarray(HEAD_BYTES);
            const { splitter } = PORTS[port % PORTS.length] as Port;
            const whole = splitter().push(stream);
            const another = splitter();
            const found = [...pieces(stream, step)].flatMap((piece) => another.push(piece));
            // What is found may not depend on where the line's pieces end.
            requireSame(concatBytes(...found), concatBytes(...whole));
            return whole.length > 0 ? "accepted" : "refused";
        },
    };
}
