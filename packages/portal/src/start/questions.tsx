import type { ReactNode } from "react";

type QuestionsProps = { readonly isOpen: boolean; readonly isReplay: boolean };

/** What people ask first, answered in plain words. */
export function Questions({ isOpen, isReplay }: QuestionsProps): ReactNode {
    return (
        <section className="card questions" aria-labelledby="questions-title">
            <h2 id="questions-title">Questions</h2>
            {isReplay && (
                <details>
                    <summary>Is this real?</summary>
                    <p>
                        The readings are: they were measured in real homes in 2013 and are replayed
                        here as if time went on, by simulated meters on this computer. Everything
                        else is the real thing: keys, signatures, the list, and the checks in your
                        browser.
                    </p>
                </details>
            )}
            <details>
                <summary>Where do I get a key?</summary>
                <p>
                    It is a small file that was made when your home joined, often called{" "}
                    <code>key.json</code>. {isReplay && <DemoKeys />} The server has no copy: if you
                    lose the file, nobody can open {isOpen ? "your home's page" : "your readings"}{" "}
                    with it again.
                </p>
            </details>
            <details>
                <summary>What does the server know about me?</summary>
                <p>
                    {isOpen
                        ? "In this network, everything: its registers are plain, and so is what you use and when. It cannot change them unseen."
                        : "That a meter with a random number reports, when, and which readings are missing. Not how much you use, and so not when you sleep, cook or are away."}
                </p>
            </details>
            <details>
                <summary>What does a check prove, and what not?</summary>
                <p>
                    It proves that your meter wrote every reading, that none is missing from the
                    first to the last, and that not one bit has changed since. It does not prove
                    that the meter measured correctly, or that the newest readings are not held
                    back. And the page that checks comes from the same server: whoever does not want
                    to trust that checks with the program on their own computer, which does the
                    same.
                </p>
            </details>
            <details>
                <summary>What is a kilowatt-hour?</summary>
                <p>
                    The unit of energy on your bill, kWh for short: what a heater of 1,000 watts
                    uses in an hour. Boiling a full kettle takes about 0.15 kWh.
                </p>
            </details>
        </section>
    );
}

/** Where a demonstration puts the keys of its homes. */
export function DemoKeys(): ReactNode {
    return (
        <>
            In this demonstration each home has one: the terminal in which it was started lists them
            under “Homes and their key files”. They lie in the data directory, in{" "}
            <code>households</code>, in a folder by the name of the home.
        </>
    );
}
