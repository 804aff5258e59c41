"""The object store as an independent S3 client sees it. Reads what it needs as JSON from standard
input; each line of its output is a check that held; whatever does not hold ends it badly."""

import hashlib
import json
import sys
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

ASKED = json.load(sys.stdin)
BUCKET, PREFIX, OTHER = ASKED["bucket"], ASKED["prefix"], ASKED["other_prefix"]


def client(keys, **changed):
    keys = {**keys, **changed}
    settings = Config(
        signature_version="s3v4",
        retries={"max_attempts": 1, "mode": "standard"},
        s3={"addressing_style": "path"},
    )
    return boto3.client(
        "s3",
        endpoint_url=ASKED["endpoint"],
        region_name=ASKED["region"],
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["access_key_secret"],
        aws_session_token=keys["security_token"],
        config=settings,
    )


def holds(what, is_so=True):
    if not is_so:
        sys.exit(f"does not hold: {what}")
    print(what, flush=True)


def refused(what, codes, call):
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # A HEAD has no body to say more.
        holds(f"refused: {what}: {code} {status}", code in codes)
    else:
        sys.exit(f"was not refused: {what}")


def every_way(s3):
    key = f"{PREFIX}/flight/DJI 사진_0001.jpg"
    body = bytes(range(256)) * 4096
    put = s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    holds("put answers with the MD5", put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"')
    got = s3.get_object(Bucket=BUCKET, Key=key)
    holds("get gives the same bytes", got["Body"].read() == body)
    holds("a photo is an image", got["ContentType"] == "image/jpeg")
    part = s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=1000-1999")
    holds("a range is that range", part["Body"].read() == body[1000:2000])
    holds("and says so", part["ContentRange"] == f"bytes 1000-1999/{len(body)}")
    last = s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=-100")
    holds("the end is the end", last["Body"].read() == body[-100:])
    head = s3.head_object(Bucket=BUCKET, Key=key)
    holds("head says the size", head["ContentLength"] == len(body))
    for algorithm in ["CRC32", "SHA256", "SHA1"]:
        name = f"{PREFIX}/flight/{algorithm}.bin"
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"x" * 5000, ChecksumAlgorithm=algorithm)
        holds(f"put with {algorithm}", s3.head_object(Bucket=BUCKET, Key=name)["ContentLength"] == 5000)
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": f"{PREFIX}/flight/signed.bin"}, 300)
    request = urllib.request.Request(url, data=b"signed", method="PUT")
    holds("a signed address takes a file", urllib.request.urlopen(request).status == 200)
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": f"{PREFIX}/flight/signed.bin"}, 300)
    holds("and gives it", urllib.request.urlopen(url).read() == b"signed")
    return key


def in_parts(s3, megabytes):
    key = f"{PREFIX}/flight/long.mp4"
    size = megabytes << 20
    chunk = hashlib.sha256(b"a video").digest() * (1 << 15)  # 1 MB

    class Endless:
        """So many bytes, of which no more than a part is ever there."""

        def __init__(self):
            self.left, self.sum = size, hashlib.sha256()

        def read(self, most=-1):
            most = self.left if most < 0 else min(most, self.left)
            at = (size - self.left) % len(chunk)
            data = (chunk * (most // len(chunk) + 2))[at : at + most]
            self.left -= len(data)
            self.sum.update(data)
            return data

    source = Endless()
    several = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=8 << 20, use_threads=False)
    s3.upload_fileobj(source, BUCKET, key, Config=several)
    holds(f"{megabytes} MB go up in parts", source.left == 0)
    found, sum_ = 0, hashlib.sha256()
    for piece in s3.get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks(1 << 20):
        found, _ = found + len(piece), sum_.update(piece)
    holds("and come down as they were", found == size and sum_.digest() == source.sum.digest())
    return key


def given_up(s3):
    key = f"{PREFIX}/flight/given-up.mp4"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=b"1" * 1000)
    parts = s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)["Parts"]
    holds("parts are listed", [part["Size"] for part in parts] == [1000])
    wrong = {"Parts": [{"PartNumber": 1, "ETag": "0" * 32}]}
    refused(
        "a part that was not sent",
        ["InvalidPart"],
        lambda: s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload=wrong),
    )
    s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)
    refused("an upload that was given up", ["NoSuchUpload"], lambda: s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload))


def listed(s3, keys):
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=f"{PREFIX}/", PaginationConfig={"PageSize": 2}
    )
    found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    holds("a listing holds every key once, in order", found == sorted(found) and set(keys) <= set(found))
    folders = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/", Delimiter="/")
    holds("and folders", [f["Prefix"] for f in folders["CommonPrefixes"]] == [f"{PREFIX}/flight/"])


def nobody_else(key):
    denied = ["AccessDenied", "403"]
    s3 = client(ASKED["good"])
    foreign = client(ASKED["foreign"])
    outside = f"{OTHER}/flight/x.jpg"
    put = lambda s3, key: (lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"x"))  # noqa: E731
    refused("put outside the prefix", denied, put(s3, outside))
    refused("put at the root", denied, put(s3, "x.jpg"))
    refused("put beside the prefix", denied, put(s3, f"{PREFIX}0/x.jpg"))
    refused("get outside the prefix", denied, lambda: s3.get_object(Bucket=BUCKET, Key=outside))
    refused("head outside the prefix", denied, lambda: s3.head_object(Bucket=BUCKET, Key=outside))
    refused("parts outside the prefix", denied, lambda: s3.create_multipart_upload(Bucket=BUCKET, Key=outside))
    for prefix in ["", PREFIX, f"{OTHER}/", f"{PREFIX}0/"]:
        refused(f"list below {prefix!r}", denied, lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix))
    refused("another dock's key", denied, put(foreign, key))
    refused("another dock reading", denied, lambda: foreign.get_object(Bucket=BUCKET, Key=key))
    refused("a dock that deletes", denied, lambda: s3.delete_object(Bucket=BUCKET, Key=key))
    refused("a copy", denied, lambda: s3.copy_object(Bucket=BUCKET, Key=f"{PREFIX}/copy", CopySource=f"{BUCKET}/{OTHER}/x"))
    refused("buckets", denied, s3.list_buckets)
    refused("another bucket", ["NoSuchBucket"], lambda: s3.put_object(Bucket="other-bucket", Key=key, Body=b"x"))
    for way_out in [f"{PREFIX}/../{OTHER}/x.jpg", f"{PREFIX}/..", f"{PREFIX}/./x", f"{PREFIX}//x", f"{PREFIX}/a\\..\\b"]:
        refused(f"the key {way_out!r}", [*denied, "InvalidArgument", "SignatureDoesNotMatch"], put(s3, way_out))
    refused("an ended key", ["ExpiredToken"], put(client(ASKED["expired"]), key))
    refused("a forged secret", ["SignatureDoesNotMatch"], put(client(ASKED["good"], access_key_secret="0" * 64), key))
    refused("a forged token", ["InvalidToken"], put(client(ASKED["good"], security_token="0" * 64), key))
    refused("no token", ["InvalidToken"], put(client(ASKED["good"], security_token=None), key))
    longer = ASKED["good"]["access_key_id"].replace("GWJ1D", "GWJ1DF", 1)[:-1]
    refused("an id that says another end", ["SignatureDoesNotMatch", "InvalidAccessKeyId"], put(client(ASKED["good"], access_key_id=longer), key))
    as_other = ASKED["good"]["access_key_id"].replace(PREFIX, OTHER)
    refused("an id that says another dock", ["SignatureDoesNotMatch"], put(client(ASKED["good"], access_key_id=as_other), outside))
    refused("a stranger", ["InvalidAccessKeyId"], put(client(ASKED["good"], access_key_id="AKIAIOSFODNN7EXAMPLE"), key))
    try:
        urllib.request.urlopen(f"{ASKED['endpoint']}/{BUCKET}/{PREFIX}/flight/x")
        sys.exit("was let in without a signature")
    except urllib.error.HTTPError as error:
        holds(f"refused: no signature: {error.code}", error.code == 403)


def spoilt(s3):
    """Bytes that are not those that were signed: sent by hand, because no client would."""
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": f"{PREFIX}/flight/a.bin"}, 300)
    changed = url.replace("a.bin", "b.bin")
    try:
        urllib.request.urlopen(urllib.request.Request(changed, data=b"x", method="PUT"))
        sys.exit("a changed address was taken")
    except urllib.error.HTTPError as error:
        holds(f"refused: a changed address: {error.code}", error.code == 403)

    def spoil(request, **_):
        request.body = b"y" * 1000

    client_ = client(ASKED["good"])
    client_.meta.events.register("before-send.s3.PutObject", spoil)
    refused(
        "bytes that were changed on the way",
        ["IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch"],
        lambda: client_.put_object(Bucket=BUCKET, Key=f"{PREFIX}/flight/spoilt.bin", Body=b"x" * 1000),
    )
    refused("and they are not there", ["NoSuchKey", "404"], lambda: s3.head_object(Bucket=BUCKET, Key=f"{PREFIX}/flight/spoilt.bin"))


def tower():
    s3 = client(ASKED["tower"])
    key = f"{PREFIX}/flight/gone.bin"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    s3.delete_object(Bucket=BUCKET, Key=key)
    refused("what the tower deleted", ["404"], lambda: s3.head_object(Bucket=BUCKET, Key=key))


s3 = client(ASKED["good"])
if ASKED["only_parts"]:
    in_parts(s3, ASKED["megabytes"])
else:
    key = every_way(s3)
    long = in_parts(s3, ASKED["megabytes"])
    given_up(s3)
    listed(s3, [key, long])
    nobody_else(key)
    spoilt(s3)
    tower()
print("done")
