-- One road of stages after the dossier; and the desk that brings buyer and intermediary together.

CREATE TABLE vault.deal_event (
    deal_id uuid NOT NULL REFERENCES vault.deal,
    seq int NOT NULL,
    from_stage text NOT NULL,
    action text NOT NULL,
    to_stage text NOT NULL,
    actor_kind text NOT NULL,
    organisation_id uuid,
    member_id uuid,
    evidence jsonb NOT NULL,
    reason text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (deal_id, seq),
    CONSTRAINT deal_event_on_the_road FOREIGN KEY (from_stage, action, to_stage) REFERENCES ops.deal_transition
);
CREATE TRIGGER evidence BEFORE UPDATE OR DELETE ON vault.deal_event FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
CREATE TRIGGER evidence_all BEFORE TRUNCATE ON vault.deal_event FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- A stage is what the last event says, and nothing past the dossier exists without a dossier released.
CREATE FUNCTION vault.stage_follows_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    now_at vault.deal;
    last_to text;
BEGIN
    SELECT * INTO now_at FROM vault.deal WHERE id = new.id;
    SELECT to_stage INTO last_to FROM vault.deal_event WHERE deal_id = new.id ORDER BY seq DESC LIMIT 1;
    IF now_at.stage IS NOT NULL AND coalesce(now_at.terminal, now_at.stage) IS DISTINCT FROM last_to THEN
        RAISE EXCEPTION 'stage % without its event', now_at.stage USING ERRCODE = 'SU002', CONSTRAINT = 'stage_follows_events';
    END IF;
    IF now_at.terminal IS NOT NULL AND now_at.terminal IS DISTINCT FROM last_to THEN
        RAISE EXCEPTION 'terminal % without its event', now_at.terminal USING ERRCODE = 'SU002', CONSTRAINT = 'stage_follows_events';
    END IF;
    IF now_at.stage IS NOT NULL AND NOT EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.deal_id = new.id) THEN
        RAISE EXCEPTION 'no dossier was released' USING ERRCODE = 'SU002', CONSTRAINT = 'stage_needs_dossier';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER stage_follows_events AFTER INSERT OR UPDATE OF stage, terminal ON vault.deal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vault.stage_follows_events();

CREATE TABLE vault.exclusivity (               -- parks the other buyers of this listing; expiry unparks them
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    listing_id uuid NOT NULL,
    deal_id uuid NOT NULL REFERENCES vault.deal,
    granted_in text NOT NULL CHECK (granted_in IN ('loi', 'mou', 'definitive')),
    from_date date NOT NULL,
    until_date date NOT NULL,
    ended_on date,
    CHECK (until_date >= from_date)
);
CREATE UNIQUE INDEX exclusivity_one_open ON vault.exclusivity (listing_id) WHERE ended_on IS NULL;

CREATE TABLE vault.foreign_investment_filing (
    deal_id uuid PRIMARY KEY REFERENCES vault.deal,
    hint jsonb NOT NULL,                       -- deals/foreign_investment.py: a hint, never a clearance
    declared text CHECK (declared IN ('prior_notification', 'exempt_with_post_report', 'post_report_only', 'none')),
    filed_on date,
    accepted_on date,
    shortened_to date,
    extended_to date,
    cleared_on date,
    confirmed_by text,                         -- a named person, with the date
    confirmed_on date,
    version int NOT NULL DEFAULT 1
);

CREATE TABLE vault.obligation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL REFERENCES vault.deal,
    kind text NOT NULL,
    detail text,
    due_on date,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'declared', 'evidenced')),
    evidence jsonb,
    done_on date,
    confirmed_by text,
    version int NOT NULL DEFAULT 1
);
CREATE INDEX ON vault.obligation (deal_id);

CREATE TABLE vault.brief (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    acquirer_id uuid NOT NULL REFERENCES vault.organisation,
    agency_id uuid NOT NULL REFERENCES vault.organisation,
    wishes jsonb NOT NULL,                     -- industries, places, employees, revenue, schemes, price
    purpose text NOT NULL,
    languages text[] NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    created_by uuid NOT NULL REFERENCES vault.member,
    created_at timestamptz NOT NULL DEFAULT now(),
    version int NOT NULL DEFAULT 1
);
CREATE INDEX ON vault.brief (agency_id, id);
CREATE INDEX ON vault.brief (acquirer_id, id);

CREATE TABLE vault.introduction (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    brief_id uuid NOT NULL REFERENCES vault.brief,
    agency_id uuid NOT NULL REFERENCES vault.organisation,
    acquirer_id uuid NOT NULL REFERENCES vault.organisation,
    intermediary_id uuid NOT NULL REFERENCES vault.organisation,
    teaser_ref uuid NOT NULL REFERENCES vault.publication,
    note text,
    state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'accepted', 'declined')),
    decline_reason text,
    proposed_by uuid NOT NULL REFERENCES vault.member,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    decided_by uuid REFERENCES vault.member,
    decided_at timestamptz,
    CONSTRAINT introduction_once UNIQUE (brief_id, teaser_ref),
    CONSTRAINT introduction_decline_reason CHECK ((state = 'declined') = (decline_reason IS NOT NULL))
);
CREATE INDEX ON vault.introduction (intermediary_id, id);
ALTER TABLE vault.deal ADD FOREIGN KEY (introduction_id) REFERENCES vault.introduction;
ALTER TABLE vault.deal ADD CONSTRAINT deal_origin CHECK ((origin = 'desk') = (introduction_id IS NOT NULL));

CREATE TABLE vault.representation (            -- an intermediary acts for an acquirer, once the acquirer confirmed it
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    intermediary_id uuid NOT NULL REFERENCES vault.organisation,
    acquirer_id uuid NOT NULL REFERENCES vault.organisation,
    document_hash bytea NOT NULL,
    from_date date NOT NULL,
    until_date date NOT NULL,
    recorded_by uuid NOT NULL REFERENCES vault.member,
    confirmed_by uuid REFERENCES vault.member,
    confirmed_at timestamptz,
    ended_at timestamptz,
    CHECK (until_date >= from_date)
);
CREATE INDEX ON vault.representation (intermediary_id);

-- What the desk and a requesting buyer need to know about who stands behind a teaser: the intermediary, nothing else.
CREATE FUNCTION vault.intermediary_behind(teaser uuid) RETURNS TABLE (intermediary_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.intermediary_id FROM vault.publication p JOIN vault.listing l ON l.id = p.listing_id
    WHERE p.ref = teaser AND p.state = 'published' AND ops.kind() = 'agency' AND p.audiences & 4 <> 0
$$;

-- The listing behind a teaser, for one who may open a request on it: `bits` are the audiences the caller's kind reads.
CREATE FUNCTION vault.listing_behind(teaser uuid, buyer uuid) RETURNS TABLE (listing_id uuid, intermediary_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.id, l.intermediary_id FROM vault.publication p JOIN vault.listing l ON l.id = p.listing_id
    WHERE p.ref = teaser AND p.state = 'published'
      AND NOT EXISTS (SELECT FROM market.excluded_teasers(buyer) x WHERE x.ref = teaser)
      AND ((ops.kind() = 'acquirer' AND buyer = ops.organisation() AND (p.audiences & 3 <> 0 OR EXISTS (
                SELECT FROM vault.introduction i WHERE i.teaser_ref = teaser AND i.acquirer_id = buyer AND i.state = 'accepted')))
        OR (ops.kind() = 'intermediary' AND l.intermediary_id <> ops.organisation() AND p.audiences & 9 <> 0 AND EXISTS (
                SELECT FROM vault.representation r WHERE r.intermediary_id = ops.organisation() AND r.acquirer_id = buyer
                AND r.confirmed_at IS NOT NULL AND r.ended_at IS NULL AND current_date BETWEEN r.from_date AND r.until_date))
        OR (ops.kind() = 'intermediary' AND l.intermediary_id = ops.organisation() AND EXISTS (
                SELECT FROM vault.introduction i WHERE i.teaser_ref = teaser AND i.acquirer_id = buyer)))
$$;

-- The one teaser an accepted introduction opened to this acquirer, whatever its audiences.
CREATE FUNCTION market.opened_teaser(teaser uuid, viewer uuid) RETURNS SETOF market.teaser
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.* FROM market.teaser t
    WHERE t.ref = teaser
      AND EXISTS (SELECT FROM vault.introduction i WHERE i.teaser_ref = teaser AND i.acquirer_id = viewer AND i.state = 'accepted')
      AND NOT EXISTS (SELECT FROM market.excluded_teasers(viewer) x WHERE x.ref = teaser)
$$;
