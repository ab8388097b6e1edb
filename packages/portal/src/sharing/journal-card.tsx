import { type ReactNode, useId } from "react";
import { formatCounted } from "../format.ts";
import type { Sharing } from "./use-sharing.ts";

type JournalCardProps = { readonly journaled: number; readonly sharing: Sharing };

/** The list that new grants are judged by: how to save it, and to take in that of another device. */
export function JournalCard({ journaled, sharing }: JournalCardProps): ReactNode {
    const inputId = useId();
    const { isBusy, saveJournal, takeJournal } = sharing;
    return (
        <section className="card" aria-labelledby="journal-title" data-testid="journal">
            <h2 id="journal-title">The list of what you granted</h2>
            <p>
                Whatever you grant is written down on this device before it leaves, so that nothing
                is granted twice and everything counts when a new grant is judged:{" "}
                <span data-testid="journaled">{formatCounted(journaled, "grant")}</span> until now.
                What you granted on other devices is read from the server; a saved list holds even
                where the server keeps something back.
            </p>
            <p className="actions">
                <button
                    type="button"
                    className="button"
                    aria-disabled={isBusy || journaled === 0}
                    onClick={() => !isBusy && journaled > 0 && saveJournal()}
                    data-testid="journal-save"
                >
                    Save the list
                </button>
                <label className="button" htmlFor={inputId}>
                    Take in a saved list
                    <input
                        id={inputId}
                        className="hidden"
                        type="file"
                        disabled={isBusy}
                        onChange={(event) => {
                            const [file] = event.target.files ?? [];
                            if (file !== undefined) takeJournal(file);
                            event.target.value = "";
                        }}
                        data-testid="journal-input"
                    />
                </label>
            </p>
        </section>
    );
}
