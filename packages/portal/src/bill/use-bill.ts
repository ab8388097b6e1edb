import { useCallback, useEffect, useRef, useState } from "react";
import type { FromBillWorker } from "./messages.ts";

/** How far the check of a bill has come. */
export type BillState = { readonly type: "none" } | { readonly type: "checking" } | FromBillWorker;

const BILL_MAX_BYTES = 65_536;

/** Checks one bill after the other, each in a worker of its own. */
export function useBill(): { readonly state: BillState; check(file: File): void } {
    const [state, setState] = useState<BillState>({ type: "none" });
    const worker = useRef<Worker | null>(null);
    const end = useCallback((): void => {
        worker.current?.terminate();
        worker.current = null;
    }, []);
    useEffect(() => end, [end]);
    const check = useCallback(
        (file: File): void => {
            end();
            if (file.size > BILL_MAX_BYTES) {
                setState({ type: "fails", problem: TOO_LARGE });
                return;
            }
            setState({ type: "checking" });
            const next = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
            worker.current = next;
            next.addEventListener("message", ({ data }: MessageEvent<FromBillWorker>) => {
                if (next === worker.current) setState(data);
            });
            file.text().then(
                (text) => next.postMessage(text),
                () => setState({ type: "fails", problem: UNREADABLE }),
            );
        },
        [end],
    );
    return { state, check };
}

const TOO_LARGE = {
    code: "MS_TOO_LARGE",
    title: "This is not a bill that proves itself",
    text: "It is far larger than one.",
};
const UNREADABLE = {
    code: null,
    title: "The browser could not read this file",
    text: "It may have been moved, or it is a folder. Choose the bill again.",
};
