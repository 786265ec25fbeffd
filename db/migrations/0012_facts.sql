-- Facts that can be looked up: shown only in a codebook of their holders, all of them or none, and chosen once.

-- Linkable phrases of every released vocabulary (db/reference/vocabulary.tsv; a test compares). A class never changes, so a
-- new vocabulary only adds to these.
CREATE TABLE market.linkable_phrase (phrase text PRIMARY KEY);
INSERT INTO market.linkable_phrase SELECT unnest(regexp_split_to_array(btrim('
    alcohol_licence builders_served construction_permit continuity_plan customers_brands dealer_agreement
    designs_held direct_imports environmental_certificate exports family_directors family_friendly_employer
    food_safety_certificate foreign_staff franchise_member graduate_hiring growth_plan
    information_security_certificate institutions_served joint_research licensed_trade listed_customers
    major_account makers_served medical_device_certificate occupational_safety_certificate online_following
    online_shop organic_certificate overseas_base own_brand own_delivery own_software owned_premises patents_held
    premises_of_owner press_coverage prime_contractor product_standard property_licence public_award
    public_customers public_scheme qualified_staff quality_certificate quality_management_certificate
    recent_equipment rented_premises round_the_clock several_sites shops_served solar_power staff_care_employer
    subcontractor subsidy_adopted trademarks_held trainees_accepted transport_permit travellers_from_abroad
    waste_permit web_enquiries well_reviewed
', E' \n'), '\s+'));
ALTER TABLE market.linkable_phrase ENABLE ROW LEVEL SECURITY;
ALTER TABLE market.linkable_phrase FORCE ROW LEVEL SECURITY;
CREATE POLICY words ON market.linkable_phrase FOR SELECT TO succession_worker, succession_seeder USING (true);
GRANT SELECT ON market.linkable_phrase TO succession_worker, succession_seeder;

-- A codebook of holders stands beside the one of everybody, and is in force while that one is.
ALTER TABLE market.codebook
    ADD COLUMN facts text[] NOT NULL DEFAULT '{}',
    ADD COLUMN base text REFERENCES market.codebook,
    ADD CONSTRAINT codebook_of_holders CHECK ((facts = '{}') = (base IS NULL) AND NOT (current AND base IS NOT NULL)),
    ADD CONSTRAINT codebook_facts UNIQUE (base, facts);
CREATE TRIGGER frozen_facts BEFORE UPDATE OF facts, base ON market.codebook FOR EACH ROW EXECUTE FUNCTION ops.refuse_change();
GRANT SELECT (facts) ON market.codebook TO market_public, market_buyer, market_desk, market_domestic;

CREATE FUNCTION market.teaser_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ARRAY(SELECT l.phrase FROM market.linkable_phrase l WHERE l.phrase = ANY(new.phrases) ORDER BY l.phrase)
       IS DISTINCT FROM
       (SELECT ARRAY(SELECT f FROM unnest(b.facts) f ORDER BY f) FROM market.cell c JOIN market.codebook b ON b.version = c.codebook_version
        WHERE c.id = new.cell_id)
    THEN
        RAISE EXCEPTION 'a teaser shows the facts of its codebook and no others' USING ERRCODE = 'SU002', CONSTRAINT = 'teaser_facts';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER teaser_facts BEFORE INSERT ON market.teaser FOR EACH ROW EXECUTE FUNCTION market.teaser_facts();

-- Whoever sees a company with its facts and without them finds those few who are in both crowds.
CREATE FUNCTION market.facts_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM vault.publication p JOIN market.codebook b ON b.version = p.codebook_version
        JOIN market.codebook n ON n.version = new.codebook_version
        WHERE p.listing_id = new.listing_id AND p.published_at IS NOT NULL AND b.facts IS DISTINCT FROM n.facts)
    THEN
        RAISE EXCEPTION 'a listing shows the facts it showed' USING ERRCODE = 'SU002', CONSTRAINT = 'facts_settled';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER facts_settled BEFORE INSERT ON vault.publication FOR EACH ROW EXECUTE FUNCTION market.facts_settled();
