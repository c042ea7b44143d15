-- A store as qc-speech made it with schema 0001.
CREATE TABLE failures (
	source TEXT NOT NULL,
	message TEXT NOT NULL,
	at DATETIME NOT NULL,
	PRIMARY KEY (source)
);
CREATE TABLE findings (
	call_id VARCHAR(255) NOT NULL,
	n INTEGER NOT NULL,
	"check" VARCHAR(64) NOT NULL,
	family VARCHAR(64) NOT NULL,
	outcome VARCHAR(32) NOT NULL,
	severity VARCHAR(32) NOT NULL,
	points FLOAT NOT NULL,
	confidence FLOAT NOT NULL,
	start_ms INTEGER,
	end_ms INTEGER,
	speaker VARCHAR(32),
	clause TEXT NOT NULL,
	dimension TEXT NOT NULL,
	PRIMARY KEY (call_id, n),
	FOREIGN KEY(call_id) REFERENCES results (call_id) ON DELETE CASCADE
);
CREATE TABLE qc_speech_schema (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT qc_speech_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "qc_speech_schema" VALUES('0001');
CREATE TABLE recordings (
	id VARCHAR(64) NOT NULL,
	source_name TEXT NOT NULL,
	duration_ms INTEGER NOT NULL,
	sample_rate_hz INTEGER NOT NULL,
	channels INTEGER NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE results (
	call_id VARCHAR(255) NOT NULL,
	recording_id VARCHAR(64) NOT NULL,
	agent_id TEXT,
	scenario VARCHAR(64) NOT NULL,
	started_at DATETIME,
	total FLOAT NOT NULL,
	grade VARCHAR(32) NOT NULL,
	critical BOOLEAN NOT NULL,
	review BOOLEAN NOT NULL,
	rulebook TEXT NOT NULL,
	payload BLOB NOT NULL,
	PRIMARY KEY (call_id),
	FOREIGN KEY(recording_id) REFERENCES recordings (id)
);
CREATE TABLE stages (
	recording_id VARCHAR(64) NOT NULL,
	stage VARCHAR(64) NOT NULL,
	"key" VARCHAR(128) NOT NULL,
	payload BLOB NOT NULL,
	created_at DATETIME NOT NULL,
	PRIMARY KEY (recording_id, stage, "key")
);
CREATE INDEX ix_results_recording_id ON results (recording_id);
CREATE INDEX ix_results_agent_id_started_at ON results (agent_id, started_at);
CREATE INDEX ix_results_started_at ON results (started_at);
CREATE INDEX ix_findings_check_outcome ON findings ("check", outcome);
