#!/bin/sh
# A producer in curl: registers a batch of two addresses for a file, and sends their results, one after the other.
#
#     sh examples/producer.sh FILE_ID [BATCH_ID]
#
# VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none).
set -eu

file=${1:?give the id of a file}
batch=${2:-batch-$$-$(date +%s)}
gateway=${VERIGATE_URL:-http://127.0.0.1:3000}

# Each of these requests is idempotent, so curl repeats it while the gateway is away or busy.
post() {
  printf '%s' "$2" | curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
    ${VERIGATE_TOKEN:+--header "Authorization: Bearer $VERIGATE_TOKEN"} \
    --header 'Content-Type: application/json' --data-binary @- "$gateway$1"
  echo
}

jane='{"email": "jane@example.com", "is_valid": true, "status": "deliverable", "risk_level": "low", "details": null}'
plain='{"email": "plain", "is_valid": false, "status": "undeliverable", "risk_level": "high",
        "details": {"sub_status": "Invalid Email"}}'

post "/api/files/$file/batches" "{\"batches\": [{\"batchId\": \"$batch\", \"totalEmails\": 2}]}"
post /api/updates "{\"batchId\": \"$batch\", \"isComplete\": false, \"totalEmails\": 2, \"processedCount\": 1,
  \"validatedEmails\": [$jane]}"
# Cumulative: the second update repeats the first result.
post /api/updates "{\"batchId\": \"$batch\", \"isComplete\": true, \"totalEmails\": 2, \"processedCount\": 2,
  \"validatedEmails\": [$jane, $plain]}"
