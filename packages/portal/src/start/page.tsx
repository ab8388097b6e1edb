import type { ReactNode } from "react";
import type { Network } from "../api/client.ts";
import type { NetworkView } from "../api/use-network.ts";
import { formatCount, formatCounted } from "../format.ts";
import { ROUTES } from "../route.ts";
import "../styles/start.css";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Questions } from "./questions.tsx";

type StartPageProps = {
    readonly view: NetworkView;
    /** Whether a home is open, or waits on this device for its passphrase. */
    readonly hasHome: boolean;
};

/** What this is, and where to begin. */
export function StartPage({ view, hasHome }: StartPageProps): ReactNode {
    const { network, meters } = view;
    const isOpen = network?.mode === "open";
    const isMixed = network?.mode === "mixed";
    return (
        <div className="page">
            <div className="hero">
                <h1>
                    {isOpen
                        ? "Your electricity readings, which nobody can change unseen"
                        : "Your electricity readings: only you can read them, nobody can change them unseen"}
                </h1>
                <p className="lead">
                    {isOpen
                        ? "A smart meter tells its company how much electricity you use. Meterseal puts a signature under every reading, so that anybody can check that it is your meter's own. In this network the readings themselves are plain: everybody who can reach this page can read them."
                        : "A smart meter tells its company, every half-hour, how much electricity you use: when you sleep, cook and are away. Meterseal locks each reading inside the meter with a key that only your home has, and puts a signature under it."}
                </p>
                {isMixed && (
                    <p className="lead">
                        In this network a meter may also send its readings plain, as it was
                        enrolled: then everybody who can reach this page can read them.
                    </p>
                )}
                <p className="hero-actions">
                    <a className="button button-primary" href={ROUTES.household}>
                        <Icon name="key" />
                        {hasHome ? "Go to my home" : "Open my home"}
                    </a>
                    <a className="button" href={ROUTES.neighbourhood}>
                        Look at the neighbourhood
                    </a>
                </p>
                <Pulse network={network} meters={meters.length} />
            </div>
            <Steps isOpen={isOpen} />
            <Questions isOpen={isOpen} isReplay={network?.clock.label != null} />
        </div>
    );
}

type PulseProps = { readonly network: Network | null; readonly meters: number };

/** One line that shows that something is there. */
function Pulse({ network, meters }: PulseProps): ReactNode {
    if (network === null) return <p className="hint pulse">Asking the server …</p>;
    const { ledger, mode } = network;
    if (meters === 0) {
        return <p className="hint pulse">No meter has joined this network yet.</p>;
    }
    return (
        <p className="hint pulse" data-testid="pulse">
            This network: {formatCounted(meters, "meter")}, {formatCount(ledger.readings)}{" "}
            {mode === "sealed" ? "sealed" : "signed"} readings.
        </p>
    );
}

type Step = { readonly icon: IconName; readonly title: string; readonly text: string };

function stepsOf(isOpen: boolean): readonly Step[] {
    return [
        isOpen
            ? {
                  icon: "seal",
                  title: "Your meter signs",
                  text: "Every reading gets a signature and names the one before it, so that none can be altered, left out or slipped in.",
              }
            : {
                  icon: "lock",
                  title: "Your meter seals",
                  text: "Every reading is locked with a key of its own, made in your home. It is signed and names the one before it, so that none can be altered, left out or slipped in.",
              },
        {
            icon: "list",
            title: "The network keeps",
            text: isOpen
                ? "Readings go into a list that everybody may check and nobody can rewrite unseen."
                : "Sealed readings go into a list that everybody may check and nobody can rewrite unseen. Whoever keeps the list cannot read them.",
        },
        {
            icon: "seal",
            title: "You check",
            text: isOpen
                ? "Your browser fetches your readings and verifies every signature before it shows them in kilowatt-hours."
                : "Your browser fetches your readings, verifies every signature, and opens them with your key: in kilowatt-hours, by the day, month and year.",
        },
    ];
}

function Steps({ isOpen }: { readonly isOpen: boolean }): ReactNode {
    return (
        <section aria-labelledby="steps-title">
            <h2 id="steps-title" className="hidden">
                How it works
            </h2>
            <ol className="story">
                {stepsOf(isOpen).map(({ icon, title, text }, i) => (
                    <li key={title} className="card">
                        <span className="story-icon">
                            <Icon name={icon} />
                        </span>
                        <h3>
                            {i + 1}. {title}
                        </h3>
                        <p>{text}</p>
                    </li>
                ))}
            </ol>
        </section>
    );
}
