import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { VaultCalls } from "./vault/calls.ts";
import type { FromVault, HomeMessage, ToVault } from "./vault/messages.ts";
import type { SharingCall, SharingCalls } from "./vault/sharing-messages.ts";

/** The worker that holds the keys of a home. */
export type Vault = {
    /** Begins anew with a worker of its own; answers whether that is still the one in use. */
    start(): () => boolean;
    /** Ends the worker and with it the keys. */
    end(): void;
    ask(request: ToVault): void;
    /** Asks and waits for the answer; rejects with a problem in words. */
    call<C extends SharingCall>(
        name: C,
        request: SharingCalls[C]["request"],
    ): Promise<SharingCalls[C]["answer"]>;
    /** Whether the worker holds the key that signs grants. */
    readonly hasSigner: boolean;
};

/** Starts, asks and ends the worker; what a worker says that was ended is not heard. */
export function useVault(onMessage: (message: HomeMessage) => void, onError: () => void): Vault {
    const worker = useRef<Worker | null>(null);
    const calls = useRef(new VaultCalls());
    const [hasSigner, setHasSigner] = useState(false);

    const end = useCallback((): void => {
        worker.current?.terminate();
        worker.current = null;
        calls.current.end();
        setHasSigner(false);
    }, []);
    useEffect(() => end, [end]);

    const start = useCallback((): (() => boolean) => {
        end();
        const next = new Worker(new URL("./vault/worker.ts", import.meta.url), { type: "module" });
        const isCurrent = (): boolean => next === worker.current;
        next.addEventListener("message", ({ data }: MessageEvent<FromVault>) => {
            if (!isCurrent()) return;
            if (data.type === "answer" || data.type === "refused") {
                calls.current.take(data);
                return;
            }
            if (data.type === "opened") setHasSigner(data.hasSigner);
            onMessage(data);
        });
        next.addEventListener("error", () => {
            if (isCurrent()) onError();
        });
        worker.current = next;
        return isCurrent;
    }, [end, onMessage, onError]);

    const ask = useCallback((request: ToVault): void => {
        worker.current?.postMessage(request);
    }, []);
    const call = useCallback(
        async <C extends SharingCall>(
            name: C,
            request: SharingCalls[C]["request"],
        ): Promise<SharingCalls[C]["answer"]> => {
            const answer = await calls.current.ask(worker.current, name, request);
            if (name === "loadSigner") setHasSigner(true);
            return answer;
        },
        [],
    );
    return useMemo(
        () => ({ start, end, ask, call, hasSigner }),
        [start, end, ask, call, hasSigner],
    );
}
