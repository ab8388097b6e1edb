import { type FormEvent, type ReactNode, useId, useState } from "react";
import type { Household } from "./use-household.ts";
import { PASSPHRASE_CHARACTERS_MIN } from "./vault/remembered.ts";

type PassphraseFormProps = {
    readonly isNew: boolean;
    readonly action: string;
    readonly isBusy: boolean;
    onPassphrase(passphrase: string): void;
};

/** Asks for a passphrase; it goes to the worker and nowhere else. */
function PassphraseForm(props: PassphraseFormProps): ReactNode {
    const { isNew, action, isBusy, onPassphrase } = props;
    const inputId = useId();
    const [isShown, setShown] = useState(false);
    const onSubmit = (event: FormEvent<HTMLFormElement>): void => {
        event.preventDefault();
        const input = event.currentTarget.elements.namedItem("passphrase");
        if (input instanceof HTMLInputElement && !isBusy) {
            onPassphrase(input.value);
            input.value = "";
        }
    };
    return (
        <form className="passphrase" onSubmit={onSubmit}>
            <label htmlFor={inputId}>
                {isNew
                    ? `A passphrase, ${PASSPHRASE_CHARACTERS_MIN} characters or more`
                    : "Your passphrase"}
            </label>
            <input
                id={inputId}
                name="passphrase"
                type={isShown ? "text" : "password"}
                autoComplete={isNew ? "new-password" : "current-password"}
                required={true}
                minLength={isNew ? PASSPHRASE_CHARACTERS_MIN : undefined}
                data-testid="passphrase"
            />
            <label className="check">
                <input
                    type="checkbox"
                    checked={isShown}
                    onChange={(event) => setShown(event.target.checked)}
                />
                Show it
            </label>
            <button type="submit" className="button" aria-disabled={isBusy}>
                {action}
            </button>
        </form>
    );
}

type UnlockFormProps = { readonly household: Household; readonly isBusy: boolean };

/** Opens the home whose key is kept on this device. */
export function UnlockForm({ household, isBusy }: UnlockFormProps): ReactNode {
    return (
        <section className="card" aria-labelledby="unlock-title" data-testid="unlock">
            <h2 id="unlock-title">Your key is on this device</h2>
            <PassphraseForm
                isNew={false}
                action="Unlock"
                isBusy={isBusy}
                onPassphrase={household.unlock}
            />
            <button type="button" className="link" onClick={household.forgetRemembered}>
                Forget the key on this device
            </button>
        </section>
    );
}

/** Keeps the key of an open home on this device. */
export function RememberForm({ household }: { readonly household: Household }): ReactNode {
    return (
        <details data-testid="remember">
            <summary>Remember on this device</summary>
            <p className="hint details-text">
                The key file is encrypted with your passphrase and kept in this browser. It is never
                sent. Whoever knows the passphrase and has this device can open your home, and so
                could a page that a dishonest operator puts in place of this one. Four random words
                make a good passphrase. A key kept here before is replaced.
            </p>
            <PassphraseForm
                isNew={true}
                action="Remember"
                isBusy={false}
                onPassphrase={household.remember}
            />
        </details>
    );
}
