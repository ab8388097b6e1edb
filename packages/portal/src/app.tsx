import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { type NetworkView, useNetwork } from "./api/use-network.ts";
import { formatMoment } from "./format.ts";
import { useHousehold } from "./household/use-household.ts";
import { useLiveHousehold } from "./household/use-live-household.ts";
import { NeighbourhoodPage } from "./neighbourhood/page.tsx";
import { ROUTES, type Route, routeOf, useHash } from "./route.ts";
import { StartPage } from "./start/page.tsx";
import { FailureBoundary } from "./ui/failure-boundary.tsx";
import { Logo } from "./ui/icons.tsx";
import { Notice } from "./ui/notice.tsx";
import { ReplayClock, ReplayEnded } from "./ui/replay-clock.tsx";

/** The charts load when the household page is opened, the cryptography when a key file is. */
const HouseholdPage = lazy(async () => {
    const { HouseholdPage: page } = await import("./household/page.tsx");
    return { default: page };
});

const BillPage = lazy(async () => {
    const { BillPage: page } = await import("./bill/page.tsx");
    return { default: page };
});

const ProviderPage = lazy(async () => {
    const { ProviderPage: page } = await import("./provider/page.tsx");
    return { default: page };
});

const LedgerPage = lazy(async () => {
    const { LedgerPage: page } = await import("./ledger/page.tsx");
    return { default: page };
});

const TITLES: Record<Route, string> = {
    start: "What this is",
    neighbourhood: "Neighbourhood",
    ledger: "How the ledger grew",
    household: "My home",
    sharing: "Who can see what",
    bill: "Check a bill",
    provider: "For providers",
};

/** The portal: header, page, footer. The open household lives here, so that it outlives its page. */
export function App(): ReactNode {
    const hash = useHash();
    const route = routeOf(hash);
    const view = useNetwork();
    const household = useHousehold();
    const isOpen = household.state.kind === "open";
    useEffect(() => {
        document.title = `${TITLES[route]} – Meterseal`;
    }, [route]);
    useLiveHousehold(household, view);
    return (
        <>
            <button type="button" className="skip" onClick={skipToMain}>
                Skip to content
            </button>
            <Header route={route} view={view} isOpen={isOpen} />
            <main id="main" tabIndex={-1}>
                {view.unreachable && <Unreachable view={view} />}
                <ReplayEnded network={view.network} />
                <FailureBoundary key={needsKey(route) ? "household" : route}>
                    {route === "start" && <StartPage view={view} hasHome={isOpen} />}
                    {route === "neighbourhood" && <NeighbourhoodPage view={view} />}
                    {needsKey(route) && (
                        <Suspense fallback={<p className="loading">Loading …</p>}>
                            <HouseholdPage
                                household={household}
                                route={route}
                                hash={hash}
                                isReplay={view.network?.clock.label != null}
                                meters={view.meters}
                            />
                        </Suspense>
                    )}
                    {route === "ledger" && (
                        <Suspense fallback={<p className="loading">Loading …</p>}>
                            <LedgerPage view={view} />
                        </Suspense>
                    )}
                    {route === "bill" && (
                        <Suspense fallback={<p className="loading">Loading …</p>}>
                            <BillPage />
                        </Suspense>
                    )}
                    {route === "provider" && (
                        <Suspense fallback={<p className="loading">Loading …</p>}>
                            <ProviderPage />
                        </Suspense>
                    )}
                </FailureBoundary>
            </main>
            <Footer view={view} />
        </>
    );
}

/** Whether a page shows an opened home, so that it needs the key. */
function needsKey(route: Route): boolean {
    return route === "household" || route === "sharing";
}

/** How a link of the header stands to the page that is shown. */
function currentOf(page: Route, route: Route): "page" | "true" | undefined {
    if (page === route) return "page";
    const isOfHome = needsKey(route) || route === "bill";
    const isAbove =
        (page === "household" && isOfHome) || (page === "neighbourhood" && route === "ledger");
    return isAbove ? "true" : undefined;
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

const NAV: readonly [Route, string][] = [
    ["start", "Start"],
    ["neighbourhood", "Neighbourhood"],
    ["household", "My home"],
];

function Header({ route, view, isOpen }: HeaderProps): ReactNode {
    const clock = view.network?.clock;
    return (
        <header className="shell-header">
            <div className="shell-row">
                <a className="brand" href={ROUTES.start}>
                    <Logo />
                    <span>Meterseal</span>
                </a>
                <nav aria-label="Pages">
                    {NAV.map(([page, name]) => (
                        <a
                            key={page}
                            href={ROUTES[page]}
                            aria-current={currentOf(page, route)}
                            data-page={page}
                        >
                            {name}
                            {page === "household" && isOpen && (
                                <span className="nav-open"> (open)</span>
                            )}
                        </a>
                    ))}
                </nav>
                {clock !== undefined && (
                    <ReplayClock clock={clock} answeredAtMs={view.answeredAtMs} />
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
                <p>
                    Meterseal is open source, under the Apache License 2.0.{" "}
                    <a href={ROUTES.provider}>For providers</a>
                </p>
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
