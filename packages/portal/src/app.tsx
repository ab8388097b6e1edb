import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { type NetworkView, useNetwork } from "./api/use-network.ts";
import { formatMoment } from "./format.ts";
import { useHousehold } from "./household/use-household.ts";
import { NeighbourhoodPage } from "./neighbourhood/page.tsx";
import { ROUTES, type Route, useRoute } from "./route.ts";
import { FailureBoundary } from "./ui/failure-boundary.tsx";
import { Logo } from "./ui/icons.tsx";
import { Notice } from "./ui/notice.tsx";

/** The charts load when the household page is opened, the cryptography when a key file is. */
const HouseholdPage = lazy(async () => {
    const { HouseholdPage: page } = await import("./household/page.tsx");
    return { default: page };
});

const TITLES: Record<Route, string> = {
    neighbourhood: "Neighbourhood",
    household: "Household",
};

/** The portal: header, page, footer. The open household lives here, so that it outlives its page. */
export function App(): ReactNode {
    const route = useRoute();
    const view = useNetwork();
    const household = useHousehold();
    useEffect(() => {
        document.title = `${TITLES[route]} – Meterseal`;
    }, [route]);
    return (
        <>
            <button type="button" className="skip" onClick={skipToMain}>
                Skip to content
            </button>
            <Header route={route} view={view} isOpen={household.state.kind === "open"} />
            <main id="main" tabIndex={-1}>
                {view.unreachable && <Unreachable view={view} />}
                <FailureBoundary key={route}>
                    {route === "neighbourhood" ? (
                        <NeighbourhoodPage view={view} />
                    ) : (
                        <Suspense fallback={<p className="loading">Loading …</p>}>
                            <HouseholdPage household={household} />
                        </Suspense>
                    )}
                </FailureBoundary>
            </main>
            <Footer view={view} />
        </>
    );
}

/** Moves the focus; a link would change the hash, which names the page. */
function skipToMain(): void {
    document.getElementById("main")?.focus();
}

type HeaderProps = {
    readonly route: Route;
    readonly view: NetworkView;
    readonly isOpen: boolean;
};

function Header({ route, view, isOpen }: HeaderProps): ReactNode {
    const clock = view.network?.clock;
    const current = (page: Route): "page" | undefined => (page === route ? "page" : undefined);
    return (
        <header className="shell-header">
            <div className="shell-row">
                <a className="brand" href={ROUTES.neighbourhood}>
                    <Logo />
                    <span>Meterseal</span>
                </a>
                <nav aria-label="Pages">
                    <a
                        href={ROUTES.neighbourhood}
                        aria-current={current("neighbourhood")}
                        data-page="neighbourhood"
                    >
                        Neighbourhood
                    </a>
                    <a
                        href={ROUTES.household}
                        aria-current={current("household")}
                        data-page="household"
                    >
                        Household
                        {isOpen && <span className="nav-open"> (open)</span>}
                    </a>
                </nav>
                {clock?.label != null && (
                    <p className="clock-label" data-testid="clock-label">
                        <strong>{clock.label}</strong>
                        <span className="clock-now">
                            {" "}
                            now {formatMoment(clock.nowMs / 1000, "UTC")} UTC
                        </span>
                    </p>
                )}
            </div>
        </header>
    );
}

function Unreachable({ view }: { readonly view: NetworkView }): ReactNode {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const since =
        view.answeredAtMs === null
            ? "It has not answered since this page was opened."
            : `What you see is what it said on ${formatMoment(view.answeredAtMs / 1000, zone)}.`;
    return (
        <Notice kind="fault" title="The server does not answer" code="MS_LINK">
            <p>
                {since} The page goes on asking; if you started the server yourself, check that it
                still runs.
            </p>
        </Notice>
    );
}

function Footer({ view }: { readonly view: NetworkView }): ReactNode {
    const isReplay = view.network?.clock.label != null;
    return (
        <footer className="shell-footer">
            <div className="shell-row">
                <p>Meterseal is open source, under the Apache License 2.0.</p>
                {isReplay && (
                    <p>
                        Readings: SmartMeter Energy Consumption Data in London Households, UK Power
                        Networks, London Datastore (CC BY 4.0).
                    </p>
                )}
            </div>
        </footer>
    );
}
