import { useCallback, useEffect, useRef, useState } from "react";
import type { Problem } from "../household/vault/messages.ts";
import type { FromProviderWorker, Opened, ReceivedGrants, ToProviderWorker } from "./messages.ts";

/** What a provider's page shows. */
export type ProviderState = {
    readonly isLoading: boolean;
    /** Null until a key is there. */
    readonly received: ReceivedGrants | null;
    readonly problem: Problem | null;
    /** By grant: null while it is being read. */
    readonly opened: ReadonlyMap<string, Opened | Problem | null>;
};

const NOTHING: ProviderState = {
    isLoading: false,
    received: null,
    problem: null,
    opened: new Map(),
};
const KEY_FILE_MAX_BYTES = 65_536;

/** Holds the worker that holds a provider's keys. */
export function useProvider(): {
    readonly state: ProviderState;
    load(file: File): void;
    read(hashHex: string): void;
} {
    const [state, setState] = useState(NOTHING);
    const worker = useRef<Worker | null>(null);
    const ask = useCallback((request: ToProviderWorker): void => {
        worker.current?.postMessage(request);
    }, []);
    useEffect(() => () => worker.current?.terminate(), []);
    const load = useCallback(
        (file: File): void => {
            worker.current?.terminate();
            if (file.size > KEY_FILE_MAX_BYTES) {
                setState({ ...NOTHING, problem: TOO_LARGE });
                return;
            }
            setState({ ...NOTHING, isLoading: true });
            const next = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
            worker.current = next;
            next.addEventListener("message", ({ data }: MessageEvent<FromProviderWorker>) => {
                if (next === worker.current) setState((before) => step(before, data));
            });
            file.text().then(
                (text) => ask({ type: "load", text }),
                () => setState({ ...NOTHING, problem: TOO_LARGE }),
            );
        },
        [ask],
    );
    const read = useCallback(
        (hashHex: string): void => {
            setState((before) => ({
                ...before,
                opened: new Map(before.opened).set(hashHex, null),
            }));
            ask({ type: "read", hashHex });
        },
        [ask],
    );
    return { state, load, read };
}

function step(before: ProviderState, message: FromProviderWorker): ProviderState {
    switch (message.type) {
        case "loaded":
            return { ...NOTHING, received: message.received };
        case "read":
            return {
                ...before,
                opened: new Map(before.opened).set(message.hashHex, message.opened),
            };
        case "failed": {
            const { hashHex, problem } = message;
            if (hashHex === null) return { ...NOTHING, problem };
            return { ...before, opened: new Map(before.opened).set(hashHex, problem) };
        }
    }
}

const TOO_LARGE: Problem = {
    code: "MS_KEY_FILE",
    title: "This is not the key of a provider",
    text: "Choose the file provider.key, which was made when the provider joined.",
};
