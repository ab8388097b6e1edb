import type { ReactNode } from "react";
import { KeyPicker } from "../household/key-picker.tsx";

type SignerCardProps = { readonly isBusy: boolean; onFile(file: File): void };

/** Asks for the key that signs in the name of the home. */
export function SignerCard({ isBusy, onFile }: SignerCardProps): ReactNode {
    return (
        <section className="card" aria-labelledby="signer-title" data-testid="signer">
            <h2 id="signer-title">Grant, revoke, and see what was granted</h2>
            <p>
                For this your home has a second key, which signs in its name: the file{" "}
                <code>wallet.key</code> beside your key file. Whom you gave what is between you and
                them, so the server tells it only to who holds that key.
            </p>
            <KeyPicker
                onFile={onFile}
                busy={isBusy ? "Reading the signing key, fetching what was granted …" : null}
                name="wallet.key"
                testId="signer-input"
            />
        </section>
    );
}
