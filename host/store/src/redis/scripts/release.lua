-- Ends a lease without a publication.
-- args: token

drop_staging()
if call('HGET', lease, 'token') == args.token then call('UNLINK', lease) end
return {'done'}
