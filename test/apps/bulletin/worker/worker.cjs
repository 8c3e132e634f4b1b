const expire = async () => {
  const answer = await fetch(`${process.env.API_URL}/v1/expired`, { method: 'POST' }).catch((error) => ({
    status: String(error),
  }));
  console.log(`expired one notice: ${answer.status}`);
};

setInterval(expire, 1_000);
process.on('SIGTERM', () => process.exit(0));
