import { useCallback, useEffect, useRef, useState } from "react";
import type { Household } from "../household/use-household.ts";
import type { Problem } from "../household/vault/messages.ts";
import type { SharingView, Wish } from "../household/vault/sharing-messages.ts";

/** Who can see what, what is going on, and what went wrong last. */
export type Sharing = {
    /** Null until the signing key is there. */
    readonly view: SharingView | null;
    readonly isBusy: boolean;
    readonly problem: Problem | null;
    loadSigner(file: File): void;
    /** Resolves when a grant was issued; null where it was not. */
    grant(wish: Wish, isOverride: boolean): Promise<SharingView | null>;
    revoke(hashHex: string): void;
    /** Gives out the journal of this browser as a file. */
    saveJournal(): void;
    /** Takes in the journal of another device. */
    takeJournal(file: File): void;
};

const PARTY_FILE_MAX_BYTES = 65_536;
const JOURNAL_MAX_BYTES = 268_435_456;

/** Asks the worker, one thing after the other, and keeps its last answer. */
export function useSharing({ call, hasSigner }: Household): Sharing {
    const [view, setView] = useState<SharingView | null>(null);
    const [isBusy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem | null>(null);
    const isGone = useRef(false);

    const run = useCallback(
        async (ask: () => Promise<SharingView>): Promise<SharingView | null> => {
            setBusy(true);
            setProblem(null);
            try {
                const answer = await ask();
                if (!isGone.current) setView(answer);
                return answer;
            } catch (cause) {
                if (!isGone.current) setProblem(cause as Problem);
                return null;
            } finally {
                if (!isGone.current) setBusy(false);
            }
        },
        [],
    );
    // biome-ignore lint/correctness/useExhaustiveDependencies: a key that is loaded later brings its own list
    useEffect(() => {
        isGone.current = false;
        if (hasSigner) void run(() => call("list", {}));
        return () => {
            isGone.current = true;
        };
    }, []);

    const loadSigner = useCallback(
        (file: File): void => {
            void run(async () => {
                if (file.size > PARTY_FILE_MAX_BYTES) throw TOO_LARGE;
                return await call("loadSigner", { text: await file.text() });
            });
        },
        [call, run],
    );
    const grant = useCallback(
        (wish: Wish, isOverride: boolean) => run(() => call("grant", { ...wish, isOverride })),
        [call, run],
    );
    const revoke = useCallback(
        (hashHex: string): void => void run(() => call("revoke", { hashHex })),
        [call, run],
    );
    const saveJournal = useCallback((): void => {
        call("saveJournal", {}).then(
            ({ text }) => saveFile("issued.jsonl", text),
            (cause: Problem) => setProblem(cause),
        );
    }, [call]);
    const takeJournal = useCallback(
        (file: File): void => {
            void run(async () => {
                if (file.size > JOURNAL_MAX_BYTES) throw LIST_TOO_LARGE;
                return await call("takeJournal", { text: await file.text() });
            });
        },
        [call, run],
    );
    return { view, isBusy, problem, loadSigner, grant, revoke, saveJournal, takeJournal };
}

/** Has the browser save a text as a file. */
function saveFile(name: string, text: string): void {
    const address = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    URL.revokeObjectURL(address);
}

const LIST_TOO_LARGE: Problem = {
    code: "MS_TOO_LARGE",
    title: "This is not the list of a home's grants",
    text: "It is far larger. Choose a file that was saved here, or issued.jsonl of your wallet.",
};

const TOO_LARGE: Problem = {
    code: "MS_KEY_FILE",
    title: "This is not the signing key of a home",
    text: "It is far larger. Choose the file wallet.key, which lies beside your key file.",
};
