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
    wishes jsonb NOT NULL,                     -- market/matching.py, struct Wishes: published codes only
    purpose text NOT NULL,
    languages text[] NOT NULL,
    note text CHECK (length(note) BETWEEN 1 AND 1000),  -- read by the desk and by intermediaries it introduces to
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
CREATE INDEX ON vault.introduction (agency_id, id);
CREATE INDEX ON vault.introduction (acquirer_id, teaser_ref);
ALTER TABLE vault.deal ADD FOREIGN KEY (introduction_id) REFERENCES vault.introduction;
ALTER TABLE vault.deal ADD CONSTRAINT deal_origin CHECK ((origin = 'desk') = (introduction_id IS NOT NULL));

CREATE TABLE vault.representation (            -- an intermediary acts for an acquirer, once the acquirer confirmed it
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    intermediary_id uuid NOT NULL REFERENCES vault.organisation,
    acquirer_id uuid NOT NULL REFERENCES vault.organisation,
    document_hash bytea NOT NULL CHECK (octet_length(document_hash) = 32),
    from_date date NOT NULL,
    until_date date NOT NULL,
    recorded_by uuid NOT NULL REFERENCES vault.member,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    confirmed_by uuid REFERENCES vault.member,
    confirmed_at timestamptz,
    ended_at timestamptz,
    CHECK (until_date >= from_date),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL))
);
CREATE INDEX ON vault.representation (intermediary_id, acquirer_id);
CREATE INDEX ON vault.representation (acquirer_id);

-- May this intermediary act for this acquirer today?
CREATE FUNCTION vault.represents(agent uuid, acquirer uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.representation r JOIN vault.organisation a ON a.id = r.acquirer_id AND a.status = 'verified'
                   WHERE r.intermediary_id = agent AND r.acquirer_id = acquirer AND r.confirmed_at IS NOT NULL AND r.ended_at IS NULL AND ops.today() BETWEEN r.from_date AND r.until_date)
$$;

-- Which teaser may be introduced under which brief: the brief is open and its acquirer in good standing, the teaser is
-- one the desk may see (0008: audiences & 5), and its owner excludes nobody of whom this acquirer is one.
CREATE FUNCTION vault.introducible(teaser uuid, under_brief uuid)
    RETURNS TABLE (agency_id uuid, acquirer_id uuid, intermediary_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT b.agency_id, b.acquirer_id, l.intermediary_id
    FROM vault.brief b
    JOIN vault.organisation a ON a.id = b.acquirer_id AND a.status = 'verified'
    JOIN vault.publication p ON p.ref = teaser AND p.state = 'published' AND p.audiences & 5 <> 0
    JOIN vault.listing l ON l.id = p.listing_id
    WHERE b.id = under_brief AND b.state = 'open'
      AND NOT EXISTS (SELECT FROM market.excluded_teasers(b.acquirer_id) x WHERE x.ref = teaser)
$$;

-- What the desk needs to know about who stands behind a teaser: the intermediary, nothing else, and only under a brief of
-- its own. A desk that could ask this of any teaser would learn from the Center which prefecture a coarsened place hides.
CREATE FUNCTION vault.intermediary_behind(teaser uuid, under_brief uuid) RETURNS TABLE (intermediary_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.intermediary_id FROM vault.introducible(teaser, under_brief) f
    WHERE ops.kind() = 'agency' AND f.agency_id = ops.organisation()
$$;

-- The listing behind a teaser, for one who may open a request on it: `bits` are the audiences the caller's kind reads.
CREATE FUNCTION vault.listing_behind(teaser uuid, buyer uuid) RETURNS TABLE (listing_id uuid, intermediary_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT l.id, l.intermediary_id FROM vault.publication p JOIN vault.listing l ON l.id = p.listing_id
    WHERE p.ref = teaser AND p.state = 'published'
      AND NOT EXISTS (SELECT FROM market.excluded_teasers(buyer) x WHERE x.ref = teaser)
      AND ((ops.kind() = 'acquirer' AND buyer = ops.organisation() AND (p.audiences & 3 <> 0 OR EXISTS (
                SELECT FROM vault.introduction i WHERE i.teaser_ref = teaser AND i.acquirer_id = buyer AND i.state = 'accepted')))
        OR (ops.kind() = 'intermediary' AND l.intermediary_id <> ops.organisation() AND p.audiences & 9 <> 0
            AND vault.represents(ops.organisation(), buyer))
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

-- ---------------------------------------------------------------- each step of the desk, refused without the one before
-- As in 0006, a transaction without a scope is the seeding role: succession_app without one passes no row policy.
CREATE FUNCTION vault.brief_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NOT NULL AND NOT EXISTS (
        SELECT FROM vault.organisation o WHERE o.id = new.agency_id AND o.agency_role = 'desk' AND o.status = 'verified')
    THEN
        RAISE EXCEPTION 'a brief is filed with a desk' USING ERRCODE = 'SU002', CONSTRAINT = 'brief_needs_desk';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER brief_causes BEFORE INSERT ON vault.brief FOR EACH ROW EXECUTE FUNCTION vault.brief_causes();

CREATE FUNCTION vault.introduction_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' AND ops.kind() IS NOT NULL AND NOT EXISTS (
        SELECT FROM vault.introducible(new.teaser_ref, new.brief_id) f
        WHERE (f.agency_id, f.acquirer_id, f.intermediary_id) = (new.agency_id, new.acquirer_id, new.intermediary_id))
    THEN
        RAISE EXCEPTION 'this teaser cannot be introduced under this brief' USING ERRCODE = 'SU002', CONSTRAINT = 'introduction_causes';
    END IF;
    IF tg_op = 'UPDATE' AND new.state = 'accepted' AND ops.kind() IS NOT NULL THEN
        PERFORM FROM vault.brief b WHERE b.id = new.brief_id AND b.state = 'open' FOR SHARE;  -- against a closure under way
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the brief was closed' USING ERRCODE = 'SU002', CONSTRAINT = 'introduction_brief_open';
        END IF;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER introduction_causes BEFORE INSERT OR UPDATE ON vault.introduction
    FOR EACH ROW EXECUTE FUNCTION vault.introduction_causes();

-- Acceptance and the disclosure request are one thing: neither commits without the other.
CREATE FUNCTION vault.acceptance_opens_deal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF ops.kind() IS NOT NULL AND NOT EXISTS (SELECT FROM vault.deal d WHERE d.introduction_id = new.id) THEN
        RAISE EXCEPTION 'accepted without a disclosure request' USING ERRCODE = 'SU002', CONSTRAINT = 'acceptance_opens_deal';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER acceptance_opens_deal AFTER UPDATE OF state ON vault.introduction DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (new.state = 'accepted') EXECUTE FUNCTION vault.acceptance_opens_deal();

CREATE FUNCTION vault.deal_origin_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF new.origin = 'desk' AND ops.kind() IS NOT NULL AND NOT EXISTS (
        SELECT FROM vault.introduction i WHERE i.id = new.introduction_id AND i.state = 'accepted'
        AND (i.teaser_ref, i.acquirer_id, i.intermediary_id) = (new.teaser_ref, new.buyer_id, new.intermediary_id))
    THEN
        RAISE EXCEPTION 'no accepted introduction' USING ERRCODE = 'SU002', CONSTRAINT = 'deal_origin_causes';
    END IF;
    IF new.origin = 'representation' AND ops.kind() IS NOT NULL AND NOT vault.represents(new.representative_id, new.buyer_id) THEN
        RAISE EXCEPTION 'no representation in force' USING ERRCODE = 'SU002', CONSTRAINT = 'deal_origin_causes';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER deal_origin_causes BEFORE INSERT ON vault.deal FOR EACH ROW EXECUTE FUNCTION vault.deal_origin_causes();

-- The intermediary records, the acquirer confirms; and only an acquirer can be represented.
CREATE FUNCTION vault.representation_causes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF tg_op = 'INSERT' AND ops.kind() IS NOT NULL AND NOT EXISTS (
        SELECT FROM vault.organisation o WHERE o.id = new.acquirer_id AND o.kind = 'acquirer' AND o.status = 'verified')
    THEN
        RAISE EXCEPTION 'no such acquirer' USING ERRCODE = 'SU002', CONSTRAINT = 'representation_needs_acquirer';
    END IF;
    IF tg_op = 'UPDATE' AND new.confirmed_at IS DISTINCT FROM old.confirmed_at
        AND (ops.kind() IS DISTINCT FROM 'acquirer' OR old.confirmed_at IS NOT NULL OR old.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the acquirer confirms, once' USING ERRCODE = 'SU002', CONSTRAINT = 'acquirer_confirms';
    END IF;
    IF tg_op = 'UPDATE' AND old.ended_at IS NOT NULL AND new.ended_at IS DISTINCT FROM old.ended_at THEN
        RAISE EXCEPTION 'it has ended' USING ERRCODE = 'SU002', CONSTRAINT = 'representation_ended';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER representation_causes BEFORE INSERT OR UPDATE ON vault.representation
    FOR EACH ROW EXECUTE FUNCTION vault.representation_causes();
